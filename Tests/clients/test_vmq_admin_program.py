"""vmq-admin, beside the broker's program, against stand-ins that say what a broker could say, and what none would."""

import base64
import contextlib
import fcntl
import http.server
import json
import os
import pathlib
import pty
import select
import signal
import socketserver
import ssl
import struct
import subprocess
import termios
import threading
import time

import pytest

from waiting import DEADLINE, wait_until

WIRE = "application/vnd.vmq-admin"
TABLE = b"c\tclient_id\tis_online\nr\tsa\tb1\nr\tslonger\tb0\nz\ne\t0\n"
DRAWN = """\
+-----------+-----------+
| client_id | is_online |
+-----------+-----------+
| a         | true      |
+-----------+-----------+
| longer    | false     |
+-----------+-----------+
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def answer(self):
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.script(self)
        self.close_connection = True

    do_GET = do_POST = answer

    def head(self, status=200, kind=WIRE, length=None):
        """The head of an answer; without a length its body is sent in chunks."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


class Broker(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class RemoteBroker(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def says(body, status=200, kind=WIRE, length=None):
    def script(handler):
        handler.head(status, kind, len(body) if length is None else length)
        handler.wfile.write(body)

    return script


@pytest.fixture
def serve():
    """Starts stand-ins: `serve(path, script)` on a Unix socket, `serve(None, script)` on a port."""
    servers = []

    def start(path, script):
        if path is None:
            server = RemoteBroker(("127.0.0.1", 0), Handler)
        else:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            server = Broker(str(path), Handler)
        server.script, server.requests, server.done = script, [], threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.done.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def program(binary):
    path = pathlib.Path(binary).with_name("vmq-admin")
    assert path.exists(), f"{path} is missing: swift build --product vmq-admin"
    return path


def environment(more):
    own = {key: value for key, value in os.environ.items() if not key.startswith(("VERNEMQ_", "DOCKER_VERNEMQ_"))}
    return {**own, "TERM": "xterm", **more}


@pytest.fixture
def admin(program, tmp_path):
    """Runs it in a folder of its own; (status, output, error)."""
    def run(*arguments, **variables):
        result = subprocess.run(
            [program, *map(str, arguments)], cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL,
            timeout=DEADLINE, env=environment(variables))
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    return run


@pytest.fixture
def start(program, tmp_path):
    """Starts it; ended at the end of the test."""
    started = []

    def run(*arguments, **options):
        process = subprocess.Popen(
            [program, *map(str, arguments)], cwd=tmp_path,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "env": environment({}), **options})
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def place(tmp_path):
    """The socket that is found without any option."""
    return tmp_path / "data" / "admin.sock"


# Without a broker

def test_help_version_and_scripts_need_no_broker(admin):
    assert admin("version") == admin("--version") == (0, admin("version")[1], "")
    assert admin("version")[1].startswith("vmq-admin ")
    code, output, error = admin("session", "show", "--help")
    assert (code, error) == (0, "") and output.startswith("Usage: vmq-admin session show")
    code, output, _ = admin("--help")
    assert code == 0 and "VERNEMQ_SOCKET" in output and "Exit status" in output
    for shell in ["bash", "zsh", "fish"]:
        code, output, error = admin("completion", shell)
        assert (code, error) == (0, "") and "__complete" in output


def test_each_place_is_named_when_no_broker_answers(admin, tmp_path, place):
    code, output, error = admin("session", "show")
    assert (code, output) == (3, "")
    assert error.startswith("Node 'VerneMQ@127.0.0.1' not responding to pings.\n")
    for name in ["etc/vernemq.conf", "./data/admin.sock", "/run/vernemq/admin.sock", "/etc/vernemq/vernemq.conf"]:
        assert f"  {name}: " in error
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "vernemq.conf").write_text(
        f"nodename = mine@host\nvmq_admin.socket = {tmp_path}/x.sock\nallow_anonymous = perhaps\n")
    code, _, error = admin("session", "show")
    assert code == 3 and error.startswith("Node 'mine@host' not responding to pings.\n")
    assert f"  {tmp_path}/x.sock (from etc/vernemq.conf): No such file or directory\n" in error


def test_a_socket_that_nobody_serves_is_refused(admin, serve, place):
    serve(place, says(b"")).server_close()
    code, output, error = admin("--socket", place, "session", "show")
    assert (code, output) == (3, "") and str(place) in error
    code, _, error = admin("--socket", "x" * 200, "session", "show")
    assert code == 3 and "longer than 107 bytes" in error


@pytest.mark.skipif(os.getuid() == 0, reason="root may use every socket")
def test_a_socket_of_somebody_else_is_refused(admin, serve, place):
    serve(place, says(TABLE))
    place.chmod(0)
    code, _, error = admin("session", "show")
    assert code == 3 and f"{place.name}: Permission denied" in error


def test_a_command_line_that_means_nothing(admin):
    code, output, error = admin("sesion", "show")
    assert (code, error) == (2, "") and "Did you mean: vmq-admin session show" in output
    code, output, error = admin("session", "show", "--nosuch", "--json")
    assert (code, error) == (2, "") and output.startswith('{"alert":')
    assert admin("--socket")[0] == 2
    assert admin("--url", "ftp://x", "session", "show")[0] == 2
    assert admin("session", "show", VERNEMQ_SOCKET="a", VERNEMQ_URL="http://b")[0] == 2
    assert admin("session", "show", b"--client_id=\xff".decode("utf-8", "surrogateescape"))[0] == 2


# What is asked

def test_reading_is_GET_and_changing_is_POST(admin, serve, place):
    broker = serve(place, says(b"x\tDone\ne\t0\n"))
    assert admin("session", "show", "--limit=3", "--topic", "--topic=a/+ b") == (0, "Done\n", "")
    assert admin("session", "disconnect", "client-id=ü&=", "--cleanup", "--format=nosuch")[:2] == (0, "Done\n")
    assert admin("show", "max_qos", "loops", "-rpctimeout", "5") == (0, "Done\n", "")
    assert [(method, path) for method, path, _ in broker.requests] == [
        ("GET", "/api/v1/session/show?--limit=3&--topic&--topic=a%2F%2B%20b"),
        ("POST", "/api/v1/session/disconnect?client-id=%C3%BC%26%3D&--cleanup"),
        ("GET", "/api/v1/show?max_qos&loops"),
    ]
    for _, _, headers in broker.requests:
        assert headers["Accept"] == WIRE
        assert "Authorization" not in headers and "Content-Type" not in headers and "Expect" not in headers
    assert broker.requests[1][2]["Content-Length"] == "0"


def test_an_unknown_format_is_a_warning(admin, serve, place):
    serve(place, says(TABLE))
    code, output, error = admin("session", "show", "--format=nosuch")
    assert (code, output) == (0, DRAWN) and error.startswith("Warning: Unknown format")


def test_the_socket_is_found_by_flag_variable_and_configuration(admin, serve, tmp_path, place):
    serve(tmp_path / "one.sock", says(b"x\tone\ne\t0\n"))
    serve(tmp_path / "two.sock", says(b"x\ttwo\ne\t0\n"))
    serve(tmp_path / "elsewhere" / "admin.sock", says(b"x\tthree\ne\t0\n"))
    conf = tmp_path / "some.conf"
    conf.write_text("platform_data_dir = ./elsewhere\n")

    def who(*arguments, **variables):
        return admin(*arguments, "node", "status", **variables)[1]

    assert who(f"--socket={tmp_path}/one.sock", VERNEMQ_SOCKET=f"{tmp_path}/two.sock") == "one\n"
    assert who(VERNEMQ_SOCKET="two.sock", VERNEMQ_CONF=str(conf)) == "two\n"
    assert who("--config", conf) == who(VERNEMQ_CONF=str(conf)) == "three\n"
    conf.write_text("vmq_admin.socket = one.sock\n")
    assert who("--config", conf) == "one\n"
    conf.unlink()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "vernemq.conf").write_text("vmq_admin.socket = two.sock\n")
    assert who() == "two\n"
    serve(place, says(b"x\tdefault\ne\t0\n"))
    (tmp_path / "etc" / "vernemq.conf").unlink()
    assert who() == "default\n"


def test_a_url_is_asked_with_the_key(admin, serve):
    broker = serve(None, says(TABLE))
    url = f"http://127.0.0.1:{broker.server_address[1]}/prefix/"
    assert admin("--url", url, "--api-key", "secret", "session", "show") == (0, DRAWN, "")
    assert admin("session", "show", VERNEMQ_URL=url, VERNEMQ_API_KEY="secret") == (0, DRAWN, "")
    for method, path, headers in broker.requests:
        assert (method, path) == ("GET", "/prefix/api/v1/session/show")
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"secret:").decode()
    code, _, error = admin("--url", "http://127.0.0.1:1", "session", "show")
    assert code == 3 and error.startswith("Node '") and "http://127.0.0.1:1 cannot be reached" in error


def test_the_certificate_of_a_url_is_verified(admin, serve, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    broker = serve(None, says(TABLE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    broker.socket = context.wrap_socket(broker.socket, server_side=True, do_handshake_on_connect=False)
    url = f"https://127.0.0.1:{broker.server_address[1]}"
    code, output, error = admin("--url", url, "--api-key", "k", "session", "show")
    assert (code, output, broker.requests) == (3, "", []) and "certificate" in error
    assert admin("--url", url, "--api-key", "k", "session", "show", CURL_CA_BUNDLE=str(certificate)) == (0, DRAWN, "")


# What is answered

def test_three_formats(admin, serve, place):
    serve(place, says(TABLE))
    assert admin("session", "show") == (0, DRAWN, "")
    assert admin("session", "show", "--format=csv") == (0, "client_id,is_online\r\na,true\r\nlonger,false\r\n", "")
    assert admin("--json", "session", "show") == (
        0, '{"table":[{"client_id":"a","is_online":true},{"client_id":"longer","is_online":false}],"type":"table"}\n', "")


def test_bytes_come_in_any_pieces(admin, serve, place):
    def script(handler):
        handler.head()
        for byte in TABLE:
            handler.chunk(bytes([byte]))
        handler.chunk(b"")

    serve(place, script)
    assert admin("session", "show") == (0, DRAWN, "")


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_exit_status_is_the_brokers(admin, serve, place, status):
    serve(place, says(b"a\tsaid\ne\t%d\n" % status))
    assert admin("node", "status") == (status, "said\n", "")


@pytest.mark.parametrize("answer, code, output, error", [
    (says(b'{"alert":[{"text":"Invalid key: \\"x\\"","type":"text"}],"type":"alert"}', 400, "application/json"), 2,
     'Invalid key: "x"\n', ""),
    (says(b"not that\n", 400, "text/plain"), 2, "not that\n", ""),
    (says(b"", 400), 2, "The broker did not understand", ""),
    (says(b"", 401), 3, "", "Wrong or missing API key, or one of another scope"),
    (says(b"", 403), 3, "", "another user"),
    (says(b"", 404), 3, "", "no such API"),
    (says(b"", 503), 1, "", "busy"),
    (says(b"oops\x1b[2J", 500, "text/plain"), 1, "", "500: oops\\x1b[2J"),
    (says(b"<html>", 200, "text/html"), 3, "", "not as this broker's API"),
    (says(b"", 302), 3, "", "302"),
    (says(b"x\tpart\n"), 1, "part\n", "broke off"),
    (says(b"x\tpart\nx\tha", length=1000), 1, "part\n", "broke off"),
    (says(b"x\tfine\n?\x00\xff\n"), 1, "fine\n", "from line 2 on"),
    (says(b"\x80\x81garbage" * 1000), 1, "", "broke off"),
    (lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n"), 3, "", "no answer"),
    (lambda handler: None, 3, "", "no answer"),
])
def test_other_answers(admin, serve, place, answer, code, output, error):
    serve(place, answer)
    got = admin("session", "show")
    assert got[0] == code, got
    assert got[1].startswith(output) and (output or not got[1])
    assert error in got[2] and (error or not got[2])


def test_json_that_broke_off_does_not_look_whole(admin, serve, place):
    serve(place, says(b"c\ta\nr\ti1\n"))
    code, output, error = admin("session", "show", "--json")
    assert code == 1 and not output.endswith("}") and "broke off" in error


def test_a_silent_broker_is_given_up(admin, serve, place):
    serve(place, lambda handler: handler.server.done.wait(DEADLINE))
    code, output, error = admin("-rpctimeout", "1", "session", "show")
    assert (code, output) == (1, "") and "silent for 1 s" in error


def test_a_broker_that_gives_signs_of_life_is_waited_for(admin, serve, place):
    def script(handler):
        handler.head()
        for _ in range(8):
            handler.chunk(b"\n")
            handler.server.done.wait(0.2)
        handler.chunk(b"x\tDone\ne\t0\n")
        handler.chunk(b"")

    serve(place, script)
    assert admin("-rpctimeout", "1", "session", "show") == (0, "Done\n", "")


def test_a_connection_that_stays_open_after_the_end_is_not_waited_for(admin, serve, place):
    def script(handler):
        handler.head()
        handler.chunk(b"x\tDone\ne\t0\n")
        handler.server.done.wait(DEADLINE)

    serve(place, script)
    began = time.monotonic()
    assert admin("session", "show") == (0, "Done\n", "")
    assert time.monotonic() - began < DEADLINE / 2


# What destroys

def test_destroying_needs_a_yes(admin, serve, place):
    broker = serve(place, says(b"x\tDone\ne\t0\n"))
    code, output, error = admin("queue", "purge", "client-id=a")
    assert (code, output, broker.requests) == (2, "", []) and "--yes" in error
    assert admin("retain", "delete", "--topic=a/#")[0] == 2
    assert admin("queue", "purge", "client-id=a", "--yes") == (0, "Done\n", "")
    assert admin("retain", "delete", "--topic=a/b") == (0, "Done\n", "")
    assert [request[:2] for request in broker.requests] == [
        ("POST", "/api/v1/queue/purge?client-id=a&--yes"), ("POST", "/api/v1/retain/delete?--topic=a%2Fb")]


class Screen:
    """A pseudo-terminal with a program on it."""

    def __init__(self, program, arguments, folder, variables=None, columns=60):
        self.text = b""
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(program, [str(program), *map(str, arguments)], environment(variables or {}))

    def read(self):
        """What has come; false at the end."""
        ready, _, _ = select.select([self.descriptor], [], [], 0.01)
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.text += data
        return bool(data)

    def wait_for(self, text):
        wait_until(f"{text!r} on the screen", lambda: (self.read(), text in self.text)[1])

    def write(self, data):
        os.write(self.descriptor, data)

    def end(self):
        """(exit status, all that was shown)"""
        wait_until("the program ends", lambda: not self.read())
        _, status = os.waitpid(self.process, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status), self.text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("typed, code", [(b"yes\n", 0), (b"y\n", 1), (b"\n", 1), (b"\x04", 1)])
def test_a_person_is_asked(program, tmp_path, serve, place, typed, code):
    broker = serve(place, says(b"x\tDone\ne\t0\n"))
    screen = Screen(program, ["session", "delete", "client-id=a\x1b[2J"], tmp_path)
    screen.wait_for(b"Type yes to go on: ")
    assert b"client-id=a\\x1b[2J" in screen.text and b"./data/admin.sock" in screen.text
    assert broker.requests == []
    screen.write(typed)
    status, text = screen.end()
    assert status == code and len(broker.requests) == (code == 0)
    assert all(path.endswith("&--yes") for _, path, _ in broker.requests)
    assert ("Done" in text) == (code == 0) and ("Nothing was done." in text) == (code != 0)


def test_a_terminal_has_a_width_and_bold_headers(program, tmp_path, serve, place):
    serve(place, says(b"c\ta\nr\ts%s\nz\ne\t0\n" % (b"x" * 100)))
    status, text = Screen(program, ["session", "show"], tmp_path, columns=40).end()
    assert status == 0 and "\x1b[1ma\x1b[0m" in text and "…" in text
    assert all(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) <= 40 for line in text.split("\n"))
    status, text = Screen(program, ["session", "show", "--full"], tmp_path, columns=40).end()
    assert "x" * 100 in text
    status, text = Screen(program, ["session", "show"], tmp_path, {"NO_COLOR": "1"}).end()
    assert "\x1b" not in text
    status, text = Screen(program, ["session", "show", "--json"], tmp_path).end()
    assert text.endswith('"type":"table"}\n')


def test_what_goes_wrong_is_red_on_a_terminal(program, tmp_path, serve, place):
    serve(place, says(b"c\tstatus\nr\tsrunning\nz\nn\tthere is more\na\tit failed\ne\t1\n"))
    status, text = Screen(program, ["listener", "show"], tmp_path).end()
    assert status == 1 and "\x1b[32mrunning\x1b[0m" in text
    assert "\x1b[33mthere is more\x1b[0m" in text and "\x1b[31mit failed\x1b[0m" in text
    status, text = Screen(program, ["session", "shwo"], tmp_path).end()
    assert status == 2 and "\x1b[31mUnknown command: session shwo\x1b[0m" in text
    status, text = Screen(program, ["--socket", "/no", "session", "show"], tmp_path).end()
    assert status == 3 and "\x1b[31mNode '" in text
    for environment in [{"NO_COLOR": "1"}, {"TERM": "dumb"}]:
        status, text = Screen(program, ["--socket", "/no", "session", "show"], tmp_path, environment).end()
        assert status == 3 and "\x1b" not in text
    status, text = Screen(program, ["session", "--help"], tmp_path).end()
    assert status == 0 and "\x1b[1mSub-commands:\x1b[0m" in text


# What goes on until it is stopped

def streams(handler):
    """A trace, until its reader goes."""
    handler.head()
    handler.chunk(b"x\tfirst\n")
    while not handler.server.done.wait(0.02):
        handler.chunk(b"\n")


def silently_streams(handler):
    """A trace of a client that says nothing; `done` is set when its reader has gone."""
    handler.head()
    handler.chunk(b"x\tfirst\n")
    handler.connection.settimeout(DEADLINE)
    assert handler.connection.recv(1) == b""
    handler.server.done.set()


def test_interrupt_ends_a_trace_on_both_sides(start, serve, place):
    broker = serve(place, silently_streams)
    process = start("trace", "client", "client-id=a")
    assert process.stdout.readline() == b"first\n"
    for _ in range(3):  # timeout(1) sends it twice
        process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=DEADLINE) == (b"Done.\n", b"") and process.returncode == 0
    assert broker.done.wait(DEADLINE)


@pytest.mark.parametrize("output", ["a file", "nowhere", "a terminal"])
def test_a_trace_that_waits_does_nothing(start, serve, place, tmp_path, output):
    broker = serve(place, silently_streams)
    terminal, own_end = pty.openpty()
    os.write(terminal, b"typed\n")  # Not read by it: its input is not the terminal.
    with open(tmp_path / "trace", "wb") as file:
        sink = {"a file": file, "nowhere": subprocess.DEVNULL, "a terminal": own_end}[output]
        process = start("trace", "client", "client-id=a", stdout=sink)
    status = pathlib.Path(f"/proc/{process.pid}/status")
    wait_until("it is served", lambda: broker.requests)
    # Were it to look again and again, it would be found running.
    wait_until("it sleeps", lambda: all("\nState:\tS" in status.read_text() for _ in range(2000)))
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 0
    os.close(terminal)
    os.close(own_end)


# Again and again

def readable(stream):
    return select.select([stream], [], [], DEADLINE)[0]


SHOWN = says(b"x\tthe answer\ne\t0\n")


def test_watch_asks_again_until_ctrl_c(start, serve, place):
    broker = serve(place, SHOWN)
    process = start("node", "status", "--watch=1")
    wait_until("it has asked twice", lambda: len(broker.requests) >= 2)
    assert readable(process.stdout) and process.stdout.readline() == b"the answer\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert len(broker.requests) >= 2


def test_watch_goes_on_while_a_broker_is_started_anew(start, serve, place):
    broker = serve(place, SHOWN)
    process = start("node", "status", "--watch=1")
    assert process.stdout.readline() == b"the answer\n"
    broker.script = says(b"restarting", 503, "text/plain")
    assert readable(process.stderr) and process.stderr.readline().strip()
    broker.script = SHOWN
    asked = len(broker.requests)
    wait_until("it asks again", lambda: len(broker.requests) > asked + 1)
    assert readable(process.stdout) and process.stdout.readline() == b"the answer\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130


def test_watch_into_a_file_is_whole_and_a_full_disk_is_no_ctrl_c(start, serve, place, tmp_path):
    row = b"r\ts" + b"x" * 1000 + b"\n"
    serve(place, says(b"c\ta\n" + row * 3000 + b"z\ne\t0\n"))
    process = start("session", "show", "--json", "--watch=1")
    assert readable(process.stdout)
    assert len(json.loads(process.stdout.readline())["table"]) == 3000
    process.send_signal(signal.SIGINT)
    with open("/dev/full", "wb") as full:
        process = start("session", "show", "--watch=1", stdout=full)
        assert process.wait(DEADLINE) == 1 and b"No space left" in process.stderr.read()


def test_watch_ends_where_the_first_answer_is_no_answer(admin, serve, place):
    assert admin("node", "status", "--watch=1")[0] == 3
    serve(place, says(b"a\tx\tno\nz\ne\t1\n"))
    assert admin("node", "status", "--watch=1")[0] == 1


def test_watch_draws_over_what_is_on_the_terminal(start, serve, place):
    serve(place, SHOWN)
    terminal, own_end = pty.openpty()
    process = start("node", "status", "--watch=1", stdout=own_end)
    os.close(own_end)
    text = b""
    while text.count(b"the answer") < 2:
        assert readable(terminal)
        text += os.read(terminal, 4096)
    assert text.startswith(b"\x1b[2J") and text.count(b"\x1b[2J") == 1 and text.count(b"\x1b[H") == 2
    assert b"Every 1 s: node status" in text
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    os.close(terminal)


@pytest.mark.parametrize("words", [("session", "delete", "client-id=a", "--yes"), ("trace", "client", "client-id=a")])
def test_watch_repeats_nothing_that_changes_or_goes_on_by_itself(admin, words):
    status, output, error = admin(*words, "--watch=1")
    assert status == 2 and "--watch" in output + error


def test_a_trace_in_json_ends_in_json(start, serve, place):
    serve(place, silently_streams)
    process = start("trace", "client", "client-id=a", "--json")
    assert process.stdout.readline() == b'{"text":"first","type":"text"}\n'
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=DEADLINE)[0] == b'{"alert":[{"text":"Done.","type":"text"}],"type":"alert"}\n'


def test_the_end_of_an_open_pipe_ends_a_trace(start, serve, place):
    serve(place, silently_streams)
    process = start("trace", "client", "client-id=a", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"first\n"
    process.stdin.write(b"typed\n")
    process.stdin.flush()
    assert process.poll() is None
    assert process.communicate(timeout=DEADLINE) == (b"Done.\n", b"") and process.returncode == 0


def test_an_input_without_an_end_to_wait_for_ends_no_trace(start, serve, place):
    broker = serve(place, streams)
    process = start("trace", "client", "client-id=a")
    assert process.stdout.readline() == b"first\n"
    reading, writing = os.pipe()
    os.close(writing)
    other = start("trace", "client", "client-id=a", stdin=reading)
    os.close(reading)
    assert other.stdout.readline() == b"first\n"
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.3)
    assert process.poll() is None
    broker.done.set()
    assert process.wait(DEADLINE) == other.wait(DEADLINE) == 1


def test_control_d_ends_a_trace(program, tmp_path, serve, place):
    serve(place, silently_streams)
    screen = Screen(program, ["trace", "client", "client-id=a"], tmp_path)
    screen.wait_for(b"first")
    screen.write(b"abc\n\x04")
    status, text = screen.end()
    assert status == 0 and text.endswith("Done.\n")


def test_control_c_ends_a_trace(program, tmp_path, serve, place):
    serve(place, silently_streams)
    screen = Screen(program, ["trace", "client", "client-id=a"], tmp_path)
    screen.wait_for(b"first")
    screen.write(b"\x03")
    status, text = screen.end()
    assert status == 0 and text.endswith("Done.\n")


def test_a_reader_that_goes_ends_it_quietly(start, serve, place):
    broker = serve(place, silently_streams)
    process = start("trace", "client", "client-id=a")
    assert process.stdout.readline() == b"first\n"
    process.stdout.close()
    assert process.wait(DEADLINE) == 0 and process.stderr.read() == b""
    assert broker.done.wait(DEADLINE)


def test_a_reader_that_goes_from_a_long_table_ends_it_quietly(start, serve, place):
    def script(handler):
        handler.head()
        handler.chunk(b"c\ta\n")
        for _ in range(2000):
            handler.chunk(b"r\ts%s\n" % (b"x" * 1000) * 10)
        handler.chunk(b"z\ne\t0\n")
        handler.chunk(b"")

    serve(place, script)
    process = start("session", "show")
    assert process.stdout.readline().startswith(b"+--")
    process.stdout.close()
    assert process.wait(DEADLINE) == 0 and process.stderr.read() == b""


def test_interrupt_while_the_reader_is_slow(start, serve, place):
    def script(handler):
        handler.head()
        while not handler.server.done.is_set():
            handler.chunk(b"x\t%s\n" % (b"x" * 1000) * 10)

    serve(place, script)
    process = start("trace", "client", "client-id=a")
    assert process.stdout.read(1) == b"x"

    def is_blocked():
        queued = struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4))[0]
        return queued >= 60_000

    wait_until("the pipe is full", is_blocked)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130 and process.stderr.read() == b""


def test_interrupt_ends_any_other_command(start, serve, place):
    broker = serve(place, lambda handler: handler.server.done.wait(DEADLINE))
    process = start("session", "show")
    wait_until("it has asked", lambda: broker.requests)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == -signal.SIGINT and process.stdout.read() == b""


def test_a_full_disk_is_said(start, serve, place):
    serve(place, says(TABLE))
    with open("/dev/full", "wb") as full:
        process = start("session", "show", stdout=full)
        _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1 and b"No space left on device" in error


# Completion

def test_values_come_from_the_broker(admin, serve, place):
    broker = serve(place, says(b"sensor-1\nsensor 2\nother\nsensor-\x1b[2J\n", kind="text/plain"))
    assert admin("__complete", "--", "client", "show", "client-id=sens") == (
        0, "client-id=sensor-1\nclient-id=sensor 2\n", "")
    assert [path for _, path, _ in broker.requests] == ["/api/v1/complete?source=clients&prefix=sens"]
    assert "show\t" in admin("__complete", "--", "client", "sh")[1]
    assert "session\t" in admin("__complete", "--", "")[1]


def test_completion_says_nothing_of_what_goes_wrong(admin, serve, place, tmp_path):
    nothing = (0, "", "")
    words = ["__complete", "--", "client", "show", "client-id=s"]
    assert admin(*words) == nothing
    broker = serve(place, says(b"s\n", 500, "text/plain"))
    assert admin(*words) == nothing
    broker.script = says(b"s\n", 200, "text/html")
    assert admin(*words) == nothing
    broker.script = lambda handler: handler.server.done.wait(DEADLINE)
    began = time.monotonic()
    assert admin(*words) == nothing
    assert time.monotonic() - began < 5
    broker.script = says(b"s1\n", kind="text/plain")
    assert admin("__complete", "--", "--socket", place, "client", "show", "client-id=s")[1] == "client-id=s1\n"
    assert admin("__complete", "--", "--socket", tmp_path / "none", "client", "show", "client-id=s") == nothing
