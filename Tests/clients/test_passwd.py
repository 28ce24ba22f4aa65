"""vmq-passwd, beside the broker's program: files that VerneMQ can read, and a terminal that stays as it was."""

import base64
import hashlib
import os
import pathlib
import pty
import select
import signal
import stat
import subprocess
import termios
import time

import pytest

from waiting import DEADLINE, wait_until


@pytest.fixture
def program(binary):
    path = pathlib.Path(binary).with_name("vmq-passwd")
    assert path.exists(), f"{path} is missing: swift build --product vmq-passwd"
    return path


@pytest.fixture
def passwd(program, tmp_path):
    def run(*arguments, given=""):
        return subprocess.run(
            [program, *map(str, arguments)], cwd=tmp_path, capture_output=True, input=given.encode(), timeout=DEADLINE)

    return run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "vmq.passwd"


def users(file):
    return [line.split(":")[0] for line in file.read_text().splitlines()]


def verifies(file, user, password):
    """As VerneMQ does it."""
    texts = [line.partition(":")[2] for line in file.read_text().splitlines() if line.startswith(user + ":")]
    _, six, salt, digest = texts[-1].split("$")
    made = hashlib.sha512(password.encode() + base64.b64decode(salt)).digest()
    return six == "6" and len(salt) == 16 and base64.b64encode(made).decode() == digest


def said(result):
    return result.returncode, result.stdout.decode(), result.stderr.decode()


DONE = (0, "", "")


def test_create_add_replace_delete(passwd, file):
    assert said(passwd("-c", file, "anna", given="one\none\n")) == DONE
    assert said(passwd(file, "bob", given="two\n")) == DONE
    assert said(passwd(file, "jürgen", given="drei ü\n")) == DONE
    assert users(file) == ["anna", "bob", "jürgen"]
    assert verifies(file, "anna", "one") and verifies(file, "bob", "two") and verifies(file, "jürgen", "drei ü")
    assert said(passwd(file, "anna", given="other")) == DONE
    assert users(file) == ["anna", "bob", "jürgen"]
    assert verifies(file, "anna", "other") and not verifies(file, "anna", "one")
    assert said(passwd("-D", file, "bob")) == DONE
    assert users(file) == ["anna", "jürgen"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["vmq.passwd"]


def test_delete_of_nobody_warns(passwd, file):
    passwd("-c", file, "anna", given="x\n")
    before = file.stat()
    assert said(passwd("-D", file, "bob")) == (0, "", "Warning: User bob not found in password file.\n")
    assert file.stat() == before or file.stat().st_mtime_ns == before.st_mtime_ns


def test_create_overwrites_only_when_forced(passwd, file):
    passwd("-c", file, "anna", given="x\n")
    code, _, error = said(passwd("-c", file, "bob", given="x\n"))
    assert code == 1 and error.startswith(f"Error: File {file} already exists. ") and "-cf" in error
    assert users(file) == ["anna"]
    code, output, error = said(passwd("-cf", file, "bob", given="x\n"))
    assert (code, error) == (0, "") and output.startswith("Warning: ") and str(file) in output
    assert users(file) == ["bob"]
    file.unlink()
    assert said(passwd("-cf", file, "bob", given="x\n")) == DONE


def test_upgrade(passwd, file):
    file.write_text("# people\nanna:one\n\nbob:\ncarl:two:three\n")
    file.chmod(0o644)
    assert said(passwd("-U", file))[:2] == (0, "2 passwords hashed\n")
    assert verifies(file, "anna", "one") and verifies(file, "carl", "two:three")
    assert file.read_text().startswith("# people\nanna:$6$") and "\n\nbob:\ncarl:$6$" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    once = file.read_bytes()
    assert said(passwd("-U", file))[:2] == (0, "0 passwords hashed\n")
    assert file.read_bytes() == once


@pytest.mark.parametrize("given, error", [
    ("", "Error: No password: standard input has ended.\n"), ("\n", "Error: Empty password.\n"),
    ("a\nb\n", "Error: Passwords do not match.\n"), ("x" * 65536 + "\n", None),
])
def test_a_password_that_is_none_changes_nothing(passwd, file, given, error):
    file.write_text("a:b\n")
    code, output, text = said(passwd(file, "anna", given=given))
    assert (code, output) == (1, "")
    assert text == error if error else "65535 bytes" in text
    assert file.read_text() == "a:b\n"


def test_the_longest_password(passwd, file):
    assert said(passwd("-c", file, "anna", given="x" * 65535 + "\n")) == DONE
    assert verifies(file, "anna", "x" * 65535)


def test_a_missing_file_is_named_before_anybody_types(passwd, file):
    for arguments in [(file, "anna"), ("-D", file, "anna"), ("-U", file)]:
        code, _, error = said(passwd(*arguments))
        assert code == 1 and error.startswith(f"Error: Unable to open password file {file}. ")
        assert "-c" in error


@pytest.mark.parametrize("arguments, says", [
    ((), "FILE"), (("f",), "USER"), (("f", "u", "secret"), "asked for"), (("-X", "f", "u"), "-X"), (("-U", "f", "u"), "-U"),
    (("-cD", "f", "u"), "-D -c"), (("-f", "f", "u"), "-f"), (("-b", "f", "u", "p"), "-b"),
])
def test_arguments_that_mean_nothing_print_the_usage(passwd, arguments, says):
    code, output, error = said(passwd(*arguments))
    assert (code, output) == (1, "")
    assert error.startswith("Error: ") and says in error.splitlines()[0] and "usage: vmq-passwd" in error


def test_help(passwd):
    code, output, error = said(passwd("--help"))
    assert (code, error) == (0, "") and output.startswith("usage: vmq-passwd")


@pytest.mark.parametrize("user, says", [("a:b", "colon"), ("#a", "comment"), ("a\nb", "control"), ("", "empty")])
def test_a_name_that_cannot_be_is_refused(passwd, file, user, says):
    file.write_text("")
    code, _, error = said(passwd(file, user, given="x\n"))
    assert code == 1 and error.startswith("Error: ") and says in error
    assert file.read_text() == ""


def test_a_name_that_is_not_utf8_is_refused(program, file):
    file.write_text("")
    result = subprocess.run([program, file, b"caf\xe9"], input=b"x\n", capture_output=True, timeout=DEADLINE)
    assert result.returncode == 1 and b"not UTF-8" in result.stderr


def test_a_name_may_begin_with_a_dash(passwd, file):
    assert said(passwd("-c", "--", file, "-anna", given="x\n")) == DONE
    assert users(file) == ["-anna"]


def test_lines_that_let_nobody_in_are_named_and_kept(passwd, file):
    file.write_text("nonsense\nanna:geheim\n")
    code, _, error = said(passwd(file, "bob", given="x\n"))
    assert code == 0 and f"{file}:1: " in error and f"{file}:2: " in error and "geheim" not in error
    assert file.read_text().startswith("nonsense\nanna:geheim\nbob:$6$")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_the_owner_stays(passwd, file):
    file.write_text("")
    os.chown(file, 1234, 2345)
    file.chmod(0o640)
    assert said(passwd(file, "anna", given="x\n")) == DONE
    after = file.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (1234, 2345, 0o640)


def test_runs_at_the_same_time_lose_nobody(program, file):
    file.write_text("")
    runs = []
    for number in range(12):
        run = subprocess.Popen([program, file, f"user{number}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        run.stdin.write(b"x\n")
        run.stdin.close()
        runs.append(run)
    for run in runs:
        assert run.wait(timeout=DEADLINE) == 0, run.stderr.read()
    assert sorted(users(file)) == sorted(f"user{number}" for number in range(12))


def test_a_kill_at_any_time_leaves_the_old_file_or_the_new_one(program, file, tmp_path):
    old = "".join(f"user{number}:plain\n" for number in range(3000))
    for step in range(20):
        file.write_text(old)
        run = subprocess.Popen([program, "-U", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 * step)
        run.kill()
        run.wait()
        text = file.read_text()
        assert text == old or text.count(":$6$") == 3000
    assert subprocess.run([program, "-U", file], capture_output=True, timeout=DEADLINE).returncode == 0
    assert os.listdir(tmp_path) == ["vmq.passwd"]


class Typist:
    """vmq-passwd on a terminal of its own."""

    def __init__(self, program, *arguments):
        self.main, self.terminal = pty.openpty()
        self.before = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(
            [program, *map(str, arguments)], stdin=self.terminal, stdout=self.terminal, stderr=self.terminal,
            start_new_session=True, preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = ""

    def await_text(self, text):
        def has_come():
            if select.select([self.main], [], [], 0.01)[0]:
                self.seen += os.read(self.main, 1000).decode()
            return text in self.seen

        wait_until(f"the terminal shows {text!r}", has_come)

    def type(self, text):
        os.write(self.main, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def is_as_before(self):
        return termios.tcgetattr(self.terminal) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.terminal)


@pytest.fixture
def at_terminal(program):
    made = []

    def make(*arguments):
        made.append(Typist(program, *arguments))
        return made[-1]

    yield make
    for typist in made:
        typist.close()


def test_the_terminal_shows_no_password(at_terminal, file):
    typist = at_terminal("-c", file, "anna")
    typist.await_text("Password: ")
    assert not typist.echoes()
    typist.type("geheim\n")
    typist.await_text("Reenter password: ")
    typist.type("geheim\n")
    assert typist.process.wait(timeout=DEADLINE) == 0
    assert typist.is_as_before() and "geheim" not in typist.seen
    assert verifies(file, "anna", "geheim")


def test_two_different_passwords(at_terminal, file):
    typist = at_terminal("-c", file, "anna")
    typist.await_text("Password: ")
    typist.type("a\n")
    typist.await_text("Reenter password: ")
    typist.type("\n")
    typist.await_text("Error: Passwords do not match.")
    assert typist.process.wait(timeout=DEADLINE) == 1
    assert typist.is_as_before() and not file.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_gives_the_terminal_back(at_terminal, file, number):
    typist = at_terminal("-c", file, "anna")
    typist.await_text("Password: ")
    if number == signal.SIGINT:
        typist.type("half\x03")
    else:
        typist.process.send_signal(number)
    assert typist.process.wait(timeout=DEADLINE) == -number
    assert typist.is_as_before() and not file.exists()


def test_a_stop_gives_the_terminal_back_and_asks_again(at_terminal, file):
    typist = at_terminal("-c", file, "anna")
    typist.await_text("Password: ")
    # SIGTSTP stops nobody whose group has no parent in the session; the handler for it must be left all the same.
    typist.process.send_signal(signal.SIGTSTP)
    typist.await_text("Password: \r\nPassword: ")
    assert not typist.echoes()
    typist.type("geheim\n")
    typist.await_text("Reenter password: ")
    typist.type("geheim\n")
    assert typist.process.wait(timeout=DEADLINE) == 0
    assert typist.is_as_before() and verifies(file, "anna", "geheim")
