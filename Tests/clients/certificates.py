"""Certificates for tests, made by the openssl program: an authority, and whom it signed."""

import datetime
import pathlib
import subprocess


class Authority:
    """An authority in a folder of its own; `make` gives the paths of a certificate and its key."""

    def __init__(self, folder, name="Test Authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
            "-out", self.certificate, "-subj", f"/CN={name}", "-days", "30")
        (self.folder / "index.txt").write_text("")
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "ca.conf").write_text(
            f"[ca]\ndefault_ca=a\n[a]\ndatabase={self.folder}/index.txt\ncrlnumber={self.folder}/crlnumber\n"
            f"serial={self.folder}/serial\n"
            f"default_md=sha256\ndefault_crl_days=30\npolicy=p\n[p]\ncommonName=supplied\n")

    def make(self, name, common_name=None, days=20, first_day=None, key_password=None, hosts=("localhost",),
             subject=None):
        """(certificate, key) of a leaf. `first_day`: days from now on which it begins, and `days` later it ends."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        encryption = ["-passout", f"pass:{key_password}"] if key_password else ["-nodes"]
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *encryption, "-keyout", key, "-out", request,
            "-subj", subject or f"/CN={common_name or name}")
        extensions = self.folder / f"{name}.ext"
        names = ",".join([f"DNS:{host}" for host in hosts] + ["IP:127.0.0.1"])
        extensions.write_text(f"subjectAltName={names}\n")
        if first_day is None:
            self._openssl(
                "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days",
                str(days), "-extfile", extensions, "-out", certificate)
        else:
            begin = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=first_day)
            end = begin + datetime.timedelta(days=days)
            (self.folder / "serial").write_text("0A00\n")
            self._openssl(
                "ca", "-batch", "-config", self.folder / "ca.conf", "-in", request, "-cert", self.certificate,
                "-keyfile", self.key, "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}",
                "-notext", "-outdir", self.folder, "-extfile", extensions, "-out", certificate)
        return certificate, key

    def revoke(self, certificate):
        self._openssl(
            "ca", "-config", self.folder / "ca.conf", "-cert", self.certificate, "-keyfile", self.key, "-revoke",
            certificate)

    def revocations(self, name="crl.pem"):
        """The path of the list of those that were revoked so far."""
        path = self.folder / name
        self._openssl(
            "ca", "-config", self.folder / "ca.conf", "-cert", self.certificate, "-keyfile", self.key, "-gencrl", "-out",
            path)
        return path

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"
