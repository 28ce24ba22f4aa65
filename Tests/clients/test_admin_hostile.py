"""Ten thousand random requests: none may fail inside, hang, crash the broker or make it grow."""

import os
import random
import threading

from admin import WIRE, Admin

SEED = int(os.environ.get("ADMIN_SEED", "20260811"))
CONNECTIONS = 4
REQUESTS = 10_000
# Seconds that one answer may take.
PATIENCE = 20
ALLOWED_GROWTH = 20 << 20

METHODS = ["GET"] * 40 + ["POST"] * 20 + ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", "TRACE", "CONNECT", "X" * 40]
VALUES = [
    "", "a", "1", "0", "-1", "true", "false", "on", "off", "undefined", "null", "infinity", "9223372036854775807",
    "-9223372036854775808", "99999999999999999999", "1e9", "0x10", "3.5", "#", "+/+/#", "a/b", "$share/g/a/#", "$SYS/#", "~",
    "~(a+)+b", "~[", "~.*", "~(((((((((", "~a{1000}{1000}", "[a,b]", "[", ",,,", "a,b,,c", "2030-12-31T23:59:59",
    "2030-13-45T99:99:99", "::1", "127.0.0.1", "local:/nowhere/socket", "/etc/passwd", "../../..", "--help", "-h", "client-id=a",
    "%", "%zz", "%00", "%ff%fe", "%25", "+", "\\", "\"", "'", "{}", "<script>", "$(nodename)", "$(HOME)", "\u00e9\u4e16\U0001f600",
    "\r\nX: y", "\t", "\0",
]
# They would end what the other connections need, or fill the disk or the table of keys.
SPARED = {"api-key delete", "node stop", "listener stop", "listener delete", "listener start", "api-key create", "api-key add"}


class Generator:
    """Requests as bytes, each like the API's in some respects and not in others."""

    def __init__(self, document, seed, key):
        self.random = random.Random(seed)
        self.key = key
        self.commands = [
            (path.strip("/"), [each["name"] for each in item["get"]["parameters"]])
            for path, item in document["paths"].items()
            if path.strip("/").replace("/", " ") not in SPARED and "x-streaming" not in item["get"]]
        parameters = [each for item in document["paths"].values() for each in item["get"]["parameters"]]
        self.schemas = {each["name"]: each["schema"] for each in parameters}
        self.required = {each["name"] for each in parameters if each["required"]}
        self.is_fitting = False
        self.names = sorted({name for _, names in self.commands for name in names}) + [
            "max_inflight_messages", "nodename", "client_id", "topics", "cleanup", "--yes", "--format", "--json", "--", "-", "="]

    def value(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return bytes(self.random.randrange(256) for _ in range(self.random.randrange(40))).decode("latin-1")
        if kind == 1:
            return self.random.choice("aA%~[{(\u00e9") * self.random.choice([10, 300, 900, 3000])
        return self.random.choice(VALUES)

    def fitting(self, name):
        """A value that the description allows."""
        schema = self.schemas.get(name, {})
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if schema.get("type") == "integer":
            return str(self.random.randint(schema.get("minimum", 0), min(schema.get("maximum", 1 << 62), 1 << 62)))
        if schema.get("type") == "boolean":
            return self.random.choice(["true", "false"])
        return self.random.choice(["a", "b", "a/b", "a/#", "a,b", "~^a", "~(a+)+b", "~(a|aa)*c", "mqtt_publish_received"])

    def encoded(self, text):
        """Percent-encoded where it must be, where it may be, or not as it should be."""
        style = self.random.randrange(8)
        result = b""
        for byte in text.encode("utf-8", "surrogatepass"):
            is_plain = 0x21 <= byte < 0x7F and byte not in b"%&#+"
            if style == 0 or not is_plain and (style > 1 or byte < 0x21 or byte >= 0x7F):
                result += b"%%%02x" % byte
            else:
                result += bytes([byte])
        return result

    def item(self, names):
        name = self.random.choice(names or self.names)
        if not self.is_fitting and self.random.random() < 0.2:
            name = self.random.choice(self.names)
        if self.random.random() < 0.05:
            return self.encoded(self.value()) + b"=" + self.encoded(self.value())
        if self.is_fitting:
            has_value = self.schemas.get(name, {}).get("type") != "boolean" and not (name[:2] == "--" and self.random.random() < 0.3)
            return self.encoded(name) + (b"=" + self.encoded(self.fitting(name)) if has_value else b"")
        return self.encoded(name) + (b"=" + self.encoded(self.value()) if self.random.random() < 0.75 else b"")

    def items(self, names):
        if self.is_fitting:
            chosen = [each for each in names if each in self.required or self.random.random() < 0.2]
            return b"&".join(self.item([each]) for each in chosen)
        count = self.random.choice([0, 1, 1, 2, 2, 3, 5, 40])
        return self.random.choice([b"&"] * 9 + [b"&&"]).join(self.item(names) for _ in range(count))

    def target(self):
        """Path and query, and the names of its parameters."""
        path, names = self.random.choice(self.commands)
        self.is_fitting = self.random.random() < 0.4
        words = path.encode().split(b"/")
        change = None if self.is_fitting else self.random.randrange(10)
        if change == 0:
            words[self.random.randrange(len(words))] = self.encoded(self.value())
        elif change == 1:
            words += [self.encoded(self.value())] * self.random.choice([1, 2, 200])
        elif change == 2:
            words = words[:-1]
        base = self.random.choice([b"/api/v1/"] * 14 + [b"/api/v1", b"/api/v2/", b"/api//v1/", b"/complete/", b"//", b"/api/v1/openapi.json?"])
        if base == b"/api/v2/":
            words, names = [self.random.choice([b"client", b"disconnect", b"x"])], ["client_id", "topics", "cleanup", "mountpoint"]
        query = self.items(names)
        return base + b"/".join(words) + (b"?" + query if query else b""), names

    def request(self):
        """(method, bytes)"""
        target, names = self.target()
        method = self.random.choice(METHODS)
        headers = [b"Host: t", b"x-api-key: " + self.key]
        if self.random.random() < 0.2:
            headers.append(b"Accept: " + WIRE.encode())
        if self.random.random() < 0.05:
            headers.append(self.encoded(self.value()).replace(b":", b"") + b": " + self.encoded(self.value())[:3000])
        body = b""
        if method not in ("GET", "HEAD") or self.random.random() < 0.05:
            body = self.random.choice([
                b"", self.items(names), self.items(names), self.random.randbytes(self.random.choice([1, 100, 5000])), b'{"a": [1]}',
                b"&" * 5000])
            headers.append(b"Content-Type: " + self.random.choice([
                b"application/x-www-form-urlencoded"] * 4 + [b"application/json", b"multipart/form-data; boundary=x", b"\xff"]))
            headers.append(b"Content-Length: %d" % len(body))
        head = b"\r\n".join([method.encode() + b" " + target + b" HTTP/1.1", *headers])
        return method, head + b"\r\n\r\n" + body


class Connection:
    """Sends requests one after another, on a connection that is made anew when the broker has closed it."""

    def __init__(self, admin):
        self.admin, self.socket, self.rest = admin, None, b""

    def exchange(self, method, request):
        """The status; None where the broker closed without an answer, which it may do to what is no HTTP."""
        if self.socket is None:
            connection = self.admin.connect()
            connection.connect()
            self.socket, self.rest = connection.sock, b""
            self.socket.settimeout(PATIENCE)
        try:
            self.socket.sendall(request)
        except OSError:
            pass  # It may have answered before it read all.
        head = self.take_until(b"\r\n\r\n")
        if head is None:
            return self.close()
        status = int(head.split(b" ")[1])
        fields = dict(line.lower().split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
        if method != "HEAD" and b"content-length" in fields:
            self.take(int(fields[b"content-length"]))
        elif method != "HEAD" and fields.get(b"transfer-encoding") == b"chunked":
            while (length := self.take_until(b"\r\n")) and int(length, 16):
                self.take(int(length, 16) + 2)
            self.take_until(b"\r\n")
        elif b"content-length" not in fields:
            self.close()
        if fields.get(b"connection") == b"close" or method in ("CONNECT", "TRACE"):
            self.close()
        return status

    def more(self):
        try:
            piece = self.socket.recv(1 << 16) if self.socket else b""
        except ConnectionError:
            piece = b""
        self.rest += piece
        return piece

    def take_until(self, mark):
        while mark not in self.rest:
            if not self.more():
                return None
        taken, _, self.rest = self.rest.partition(mark)
        return taken

    def take(self, count):
        while len(self.rest) < count:
            if not self.more():
                break
        self.rest = self.rest[count:]

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


class Attack:
    """Several connections at once, each with requests of its own."""

    def __init__(self, broker, key):
        local, remote = Admin(broker), Admin(broker, key)
        document = local.get("/api/v1/openapi.json").json
        self.workers = [
            (Connection([remote, local][number % 2]), Generator(document, SEED + number, key.encode()))
            for number in range(CONNECTIONS)]
        self.statuses, self.failures, self.lock = {}, [], threading.Lock()

    def run(self, count):
        threads = [threading.Thread(target=self.work, args=(*worker, count // CONNECTIONS)) for worker in self.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.failures, f"seed {SEED}: {self.failures[:3]}"

    def work(self, connection, generator, count):
        for _ in range(count):
            method, request = generator.request()
            try:
                status = connection.exchange(method, request)
            except Exception as error:  # Of whatever kind: it belongs to this request.
                status = repr(error)
                connection.close()
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if status not in (None, 200, 400, 404, 405, 406, 411, 413, 414, 415, 431, 501, 505):
                    self.failures.append((status, request[:600]))
                    if len(self.failures) > 5:
                        return


def test_ten_thousand_random_requests(start_broker, client):
    broker = start_broker()
    admin = Admin(broker)
    assert admin("api-key add", "key=hostile-key", "scope=mgmt").text == "ok"
    assert admin("api-key add", "key=hostile-key", "scope=api2").text == "ok"
    # Somebody to ask about.
    for client_id in ["a", "b", "a" * 60, "a" * 59 + "c"]:
        away = client(broker, version=4, client_id=client_id, clean=False)
        away.subscribe("a/#", 1)
        if client_id == "b":
            away.publish("a/b", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, retain=True)
    attack = Attack(broker, "hostile-key")
    attack.run(REQUESTS // 2)
    before = broker.resident_bytes()
    attack.run(REQUESTS // 2)
    growth = broker.resident_bytes() - before
    assert growth < ALLOWED_GROWTH, f"seed {SEED}: {growth >> 20} MB more"
    # They were not all nonsense.
    assert attack.statuses[200] > REQUESTS // 10 and attack.statuses[400] > REQUESTS // 10, attack.statuses
    assert attack.statuses.get(None, 0) < REQUESTS // 20, attack.statuses
    admin("config reset")
    admin("log level", "logger=console", "level=info")
    assert broker.metrics().residuals() == {}
    both = client(broker)
    both.subscribe("still/#", 1)
    both.publish("still/here", b"still here", 1)
    assert both.receive().payload == b"still here"
    assert admin("metrics check").status == 200


def test_bytes_that_are_no_http(broker, admin):
    choices = random.Random(SEED)
    for number in range(400):
        target = admin if number % 2 else Admin(broker, "x")
        connection = target.connect()
        connection.connect()
        data = choices.randbytes(choices.choice([1, 10, 1000]))
        try:
            connection.sock.sendall(choices.choice([b"", b"GET ", b"GET /api/v1/", b"\r\n" * 50]) + data)
        except ConnectionError:
            pass
        finally:
            connection.close()
    assert admin("node status").status == 200
    assert broker.metrics()("http_requests_total", code="5xx") == 0
