"""TLS listeners: who comes in, who does not and why, and what happens when files change."""

import socket
import ssl
import subprocess

import pytest

from admin import Admin
from certificates import Authority
from raw_client import RawClient
from waiting import DEADLINE, wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.make("server", "localhost")


@pytest.fixture(scope="module")
def alice(authority):
    return authority.make("alice")


def listener(server, name="tls", **options):
    """Settings of a TLS listener that shows the certificate of `server`."""
    key = f"listener.ssl.{name}"
    settings = {key: "127.0.0.1:0", f"{key}.tls_version": "tlsv1.2,tlsv1.3"}
    if server:
        settings |= {f"{key}.certfile": server[0], f"{key}.keyfile": server[1]}
    return settings | {f"{key}.{option}": value for option, value in options.items()}


def trusting(authority, identity=None, **options):
    """What a client uses that trusts `authority`."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if identity:
        context.load_cert_chain(*map(str, identity))
    for name, value in options.items():
        setattr(context, name, value)
    return context


def connect(broker, context, name="tls", host="localhost"):
    """A socket after the handshake, and the first byte of the broker's answer to CONNECT."""
    raw = socket.create_connection(broker.address(name, "mqtts"), timeout=DEADLINE)
    secure = context.wrap_socket(raw, server_hostname=host)
    secure.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c")
    return secure


def is_refused(broker, context, name="tls"):
    """Whether a client does not come as far as CONNACK. In TLS 1.3 it hears of that after its own part of the handshake."""
    try:
        with connect(broker, context, name) as secure:
            return secure.recv(4) == b""
    except OSError:
        return True


def failures(broker, reason, name="tls"):
    return broker.metrics()("listener_stream_failures_total", listener=name, reason=reason)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mqtt", [4, 5])
def test_messages_pass_between_tls_and_tcp(start_broker, client, authority, server, version, mqtt):
    broker = start_broker(listener(server))
    context = trusting(authority, minimum_version=version, maximum_version=version)
    secure = client(broker, version=mqtt, listener="tls", protocol="mqtts", tls=context)
    plain = client(broker, version=mqtt)
    secure.subscribe("a", 1)
    plain.subscribe("b", 1)
    for size in (0, 1, 16_383, 16_384, 16_385, 300_000):
        secure.publish("b", bytes(size), 1)
        assert len(plain.receive().payload) == size
        plain.publish("a", bytes(size), 1)
        assert len(secure.receive().payload) == size
    name = version.name.replace("_", ".")
    assert broker.metrics()("tls_handshakes_total", listener="tls", version=name, resumed="false") == 1
    label = name.removeprefix("TLSv")
    assert broker.metrics()("connections_open", tls_version=label) == 1
    secure.disconnect()
    broker.wait_for_metric("connections_open", 0, tls_version=label)


def test_many_messages_at_once(start_broker, client, authority, server):
    broker = start_broker(listener(server))
    reader = client(broker, listener="tls", protocol="mqtts", tls=trusting(authority))
    writer = client(broker, listener="tls", protocol="mqtts", tls=trusting(authority))
    reader.subscribe("#", 1)
    sent = [writer.send("a", b"%d" % number, 1) for number in range(3000)]
    assert [message.payload for message in reader.receive(3000)] == [b"%d" % number for number in range(3000)]
    for packet in sent:
        writer.finish(packet)


def test_a_client_needs_a_certificate(start_broker, authority, server, alice):
    broker = start_broker(listener(server, cafile=authority.certificate, require_certificate="on"))
    with connect(broker, trusting(authority, alice)) as secure:
        assert secure.recv(4) == b"\x20\x02\x00\x00"
    assert is_refused(broker, trusting(authority))
    assert failures(broker, "tls_no_certificate") == 1
    assert broker.metrics()("connections_closed_total", reason="tls_failed") == 1
    [line] = broker.log("connection ended before MQTT")
    assert (line["event"], line["reason"]) == ("client_stream_failed", "tls_no_certificate")


@pytest.mark.parametrize("kind, reason", [
    ("expired", "tls_certificate_expired"), ("future", "tls_certificate_not_yet_valid"),
    ("stranger", "tls_unknown_authority"), ("self", "tls_self_signed"), ("revoked", "tls_certificate_revoked"),
])
def test_a_bad_certificate_is_refused_for_its_reason(start_broker, tmp_path, server, kind, reason):
    # An authority of its own, for what is revoked stays revoked.
    authority = Authority(tmp_path / "ca")
    identity = authority.make("alice")
    if kind == "expired":
        identity = authority.make("old", first_day=-20, days=10)
    elif kind == "future":
        identity = authority.make("new", first_day=10, days=10)
    elif kind == "stranger":
        identity = Authority(tmp_path / "other", "Other").make("bob")
    elif kind == "self":
        other = Authority(tmp_path / "self", "Self")
        identity = other.certificate, other.key
    else:
        authority.revoke(identity[0])
    server = authority.make("server", "localhost")
    broker = start_broker(listener(
        server, cafile=authority.certificate, require_certificate="on", crlfile=authority.revocations()))
    good = authority.make("good")
    assert not is_refused(broker, trusting(authority, good))
    assert is_refused(broker, trusting(authority, identity))
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="tls", reason=reason)


def test_the_name_in_a_certificate_is_the_user_name(start_broker, client, authority, server, alice):
    broker = start_broker(listener(server, cafile=authority.certificate, use_identity_as_username="on"))
    known = client(
        broker, client_id="known", listener="tls", protocol="mqtts", tls=trusting(authority, alice), username="mallory",
        password="x")
    unknown = client(
        broker, client_id="unknown", listener="tls", protocol="mqtts", tls=trusting(authority), username="own")
    rows = Admin(broker).sessions("--client_id", "--user")
    assert {row["client_id"]: row["user"] for row in rows} == {"known": "alice", "unknown": "own"}
    assert known.code == unknown.code == 0


def test_a_certificate_is_replaced_while_clients_stay(start_broker, client, tmp_path):
    old, new = Authority(tmp_path / "old", "Old"), Authority(tmp_path / "new", "New")
    paths = tmp_path / "server.pem", tmp_path / "server.key"

    def install(authority):
        for path, made in zip(paths, authority.make("server", "localhost")):
            path.write_bytes(made.read_bytes())

    install(old)
    broker = start_broker(listener(paths))
    stays = client(broker, listener="tls", protocol="mqtts", tls=trusting(old))
    stays.subscribe("a", 1)
    install(new)
    broker.signal(1)  # SIGHUP
    broker.wait_for_log("certificates read anew")
    assert not is_refused(broker, trusting(new))
    assert is_refused(broker, trusting(old))
    stays.publish("a", b"still here", 1)
    assert stays.receive().payload == b"still here"
    # What cannot be used leaves what is there.
    paths[1].write_text("no key")
    broker.may_log_errors = True
    broker.signal(1)
    broker.wait_for_log("certificates cannot be read anew")
    assert not is_refused(broker, trusting(new))


def test_changed_files_are_noticed(start_broker, tmp_path):
    old, new = Authority(tmp_path / "old", "Old"), Authority(tmp_path / "new", "New")
    paths = tmp_path / "server.pem", tmp_path / "server.key"
    for path, made in zip(paths, old.make("server", "localhost")):
        path.write_bytes(made.read_bytes())
    broker = start_broker(listener(paths) | {"crl_refresh_interval": "20"}, may_log_errors=True)
    for path, made in zip(paths, new.make("server", "localhost")):
        path.write_bytes(made.read_bytes())
    wait_until("the new certificate is in force", lambda: not is_refused(broker, trusting(new)))


def test_one_port_has_a_certificate_for_each_host(start_broker, authority, server):
    red = authority.make("red", "red.example.org", hosts=["red.example.org"])
    key = "listener.ssl.tls.sni"
    broker = start_broker(listener(server) | {
        rf"{key}.red\.example\.org.certfile": red[0], rf"{key}.red\.example\.org.keyfile": red[1],
    })
    for host in ("localhost", "red.example.org"):
        with connect(broker, trusting(authority), host=host) as secure:
            assert dict(secure.getpeercert()["subject"][0])["commonName"] == host
            assert secure.recv(4) == b"\x20\x02\x00\x00"


def test_keys_with_a_password(start_broker, authority):
    server = authority.make("locked", "localhost", key_password="secret")
    broker = start_broker(listener(server, keypasswd="secret"))
    assert not is_refused(broker, trusting(authority))
    assert "secret" not in str(broker.log())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(start_broker, authority, server, version):
    broker = start_broker(listener(server))
    context = trusting(authority, minimum_version=version, maximum_version=version)
    with connect(broker, context) as first:
        assert first.recv(4) == b"\x20\x02\x00\x00"
        session = first.session
    raw = socket.create_connection(broker.address("tls", "mqtts"), timeout=DEADLINE)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
        assert second.session_reused
        second.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c")
        assert second.recv(4) == b"\x20\x02\x00\x00"
    name = version.name.replace("_", ".")
    assert broker.metrics()("tls_handshakes_total", listener="tls", version=name, resumed="true") == 1


@pytest.mark.parametrize("arguments, reason", [
    (["-tls1"], "tls_version"), (["-tls1_1"], "tls_version"), (["-tls1_3"], "tls_version"),
    (["-cipher", "NULL:eNULL"], "tls_no_shared_cipher"), (["-cipher", "aNULL"], "tls_no_shared_cipher"),
    (["-cipher", "CAMELLIA"], "tls_no_shared_cipher"),
])
def test_what_is_off_is_refused(start_broker, server, arguments, reason):
    broker = start_broker(listener(server, tls_version="tlsv1.2"))
    host, port = broker.address("tls", "mqtts")
    ciphers = [] if "-cipher" in arguments else ["-cipher", "ALL:@SECLEVEL=0"]
    if "-cipher" in arguments:
        arguments = ["-tls1_2", "-cipher", arguments[1] + ":@SECLEVEL=0"]
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", *arguments, *ciphers], input=b"", capture_output=True,
        timeout=DEADLINE)
    assert done.returncode != 0
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="tls", reason=reason)


def test_renegotiation_is_refused(start_broker, authority, server):
    broker = start_broker(listener(server, tls_version="tlsv1.2"))
    host, port = broker.address("tls", "mqtts")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2"], input=b"R\n", capture_output=True,
        timeout=DEADLINE)
    assert b"no renegotiation" in done.stderr
    assert b"Secure Renegotiation IS supported" in done.stdout
    assert b"Compression: NONE" in done.stdout


def test_pre_shared_keys(start_broker, tmp_path):
    keys = tmp_path / "vmq.psk"
    keys.write_text("device1:secretkey\n\ndevice2:another\n")
    broker = start_broker(
        listener(None, psk_support="on", use_identity_as_username="on") | {"listener.ssl.pskfile": keys})
    host, port = broker.address("tls", "mqtts")

    def publish(identity, key):
        return subprocess.run(
            ["mosquitto_pub", "-h", host, "-p", str(port), "--psk-identity", identity, "--psk", key.encode().hex(), "-t",
             "a", "-m", "x", "-q", "1", "-i", identity], capture_output=True, timeout=DEADLINE).returncode

    assert publish("device1", "secretkey") == 0
    assert publish("device2", "another") == 0
    assert publish("device1", "wrong") != 0
    assert publish("device3", "secretkey") != 0
    # TLS 1.3 goes on without the key, and finds that there is no certificate.
    broker.wait_for_metric("connections_closed_total", 2, reason="tls_failed")


def test_plain_bytes_are_no_tls(start_broker, server):
    broker = start_broker(listener(server))
    with RawClient(broker.address("tls", "mqtts")) as raw:
        raw.send(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c")
        assert raw.is_ended()
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="tls", reason="tls_not_tls")


def test_a_handshake_has_a_time_limit(start_broker, server):
    broker = start_broker(listener(server, tls_handshake_timeout="300"))
    with RawClient(broker.address("tls", "mqtts")) as raw:
        # The head of a record, and no more of it.
        raw.send(b"\x16\x03\x01\x02\x00")
        assert raw.is_ended()
    broker.wait_for_metric("listener_stream_failures_total", 1, listener="tls", reason="tls_timeout")


def test_too_many_handshakes_wait(start_broker, authority, server):
    broker = start_broker(listener(server, max_handshakes="2", tls_handshake_timeout="600000"))
    address = broker.address("tls", "mqtts")
    silent = [socket.create_connection(address, timeout=DEADLINE) for _ in range(4)]
    wait_until("two are in the midst of it", lambda: broker.metrics()(
        "listener_connections", listener="tls", type="mqtts") == 2)
    for each in silent:
        each.close()
    assert not is_refused(broker, trusting(authority))


def test_an_address_that_connects_too_often_is_closed(start_broker):
    broker = start_broker({
        "listener.tcp.slow": "127.0.0.1:0", "listener.tcp.slow.connection_rate_limit": "1",
        "listener.tcp.slow.connection_rate_burst": "3"})
    answers = []
    for number in range(6):
        with RawClient(broker.address("slow")) as raw:
            try:
                answers.append(raw.open_session(f"c{number}", 4))
            except (OSError, TypeError):  # closed before its answer
                answers.append(None)
    assert answers[:3] == [0, 0, 0]
    refused = answers.count(None)
    assert refused >= 2
    assert broker.metrics()("connections_over_rate_total") == refused
    assert broker.metrics()("listener_refused_total", listener="slow", limit="connection_rate_limit") == refused


@pytest.mark.parametrize("options, text", [
    ({}, "certfile"),
    ({"certfile": "/nowhere.pem", "keyfile": "/nowhere.key"}, "/nowhere.pem"),
    ({"require_certificate": "on"}, "cafile"),
    ({"ciphers": "NO-SUCH-CIPHER"}, "NO-SUCH-CIPHER"),
    ({"eccs": "[secp999r1]"}, "secp999r1"),
    ({"tls_version": "tlsv9"}, "tlsv9"),
])
def test_a_listener_that_cannot_protect_does_not_start(binary, tmp_path, server, options, text):
    own = options if "certfile" in options or not options else {
        "certfile": server[0], "keyfile": server[1], **options}
    lines = ["allow_anonymous = on", "listener.ssl.tls = 127.0.0.1:0"]
    lines += [f"listener.ssl.tls.{name} = {value}" for name, value in own.items()]
    config = tmp_path / "vernemq.conf"
    config.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [binary, "start", "--config", config], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert text in done.stderr


@pytest.mark.parametrize("kind, flags", [("mqtts", []), ("mqttwss", ["--websocket"])])
def test_a_listener_with_tls_begins_and_ends_at_run_time(broker, client, authority, server, kind, flags):
    admin = Admin(broker)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["address=127.0.0.1", f"port={port}"]
    admin.done("listener start", *where, "--ssl", *flags, f"--certfile={server[0]}", f"--keyfile={server[1]}")
    name = f"127.0.0.1:{port}"
    secure = client(
        broker, listener=name, protocol=kind, tls=trusting(authority), transport="websockets" if flags else "tcp")
    secure.subscribe("a", 1)
    secure.publish("a", b"x", 1)
    assert secure.receive().payload == b"x"
    [row] = [row for row in admin("listener show", "--tls").rows if row["port"] == str(port)]
    assert (row["type"], row["certfile"], row["active_conns"]) == (kind, str(server[0]), 1)
    assert str(server[0]) in [row["File"] for row in admin("tls show").rows]
    assert broker.metrics()("listener_certificate_expiry_timestamp_seconds", listener=name, file=str(server[0])) > 1.7e9
    admin.done("listener delete", *where)
    secure.wait_for_disconnect()
    assert str(server[0]) not in str(admin("tls show").body)


def s_client(broker, *arguments, client_id="c", username="eve"):
    """The user name under which the broker knows a client of the openssl program that stays connected; None = none came."""
    host, port = broker.address("tls", "mqtts")
    name, user = client_id.encode(), username.encode()
    body = b"\x00\x04MQTT\x04\x82\x00\x3c" + len(name).to_bytes(2, "big") + name + len(user).to_bytes(2, "big") + user
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", *map(str, arguments)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        process.stdin.write(b"\x10" + bytes([len(body)]) + body)
        process.stdin.flush()
        if process.stdout.read(4) != b"\x20\x02\x00\x00":
            return None
        [row] = Admin(broker).sessions("--user", f"--client_id={client_id}")
        return row["user"]
    finally:
        process.kill()
        process.wait(DEADLINE)
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def keyed(start_broker, tmp_path, server):
    """A broker that knows the keys of two devices by name, and has a certificate too."""
    keys = tmp_path / "vmq.psk"
    keys.write_text("admin:0123456789abcdef\nbob:fedcba9876543210\n")
    return start_broker(
        listener(server, psk_support="on", use_identity_as_username="on") | {"listener.ssl.pskfile": keys})


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_nobody_has_a_name_without_its_key(keyed, version):
    right = b"0123456789abcdef".hex()
    assert s_client(keyed, version, "-psk_identity", "admin", "-psk", right) == "admin"
    # With another key the name is not theirs, whatever else lets them in.
    assert s_client(keyed, version, "-psk_identity", "admin", "-psk", "00") in (None, "eve")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_resumed_session_keeps_the_name_of_its_key(keyed, tmp_path, version):
    key = ["-psk_identity", "bob", "-psk", b"fedcba9876543210".hex()]
    ticket = tmp_path / "ticket"
    assert s_client(keyed, version, *key, "-sess_out", ticket, client_id="first") == "bob"
    if ticket.exists():
        assert s_client(keyed, version, "-sess_in", ticket, client_id="second") in ("bob", None)


def test_a_certificate_without_a_name_lets_nobody_choose_one(start_broker, authority, server):
    nameless = authority.make("nameless", subject="/O=nobody")
    broker = start_broker(listener(
        server, cafile=authority.certificate, require_certificate="on", use_identity_as_username="on"))
    assert s_client(broker, "-cert", nameless[0], "-key", nameless[1]) is None
