"""The commands of `vmq-admin` as the broker's API has them: on its Unix socket, or over HTTP with a key."""

import http.client
import json
import os
import socket
import time
import urllib.parse

from waiting import DEADLINE

# What vmq-admin itself asks for.
WIRE = "application/vnd.vmq-admin"


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the broker's Unix socket, whose path may be longer than a socket's address."""

    def __init__(self, path, timeout=DEADLINE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        folder = os.open(self.path.parent, os.O_PATH)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


class Answer:
    """What came back: `status`, `body`, and the elements that the body has."""

    def __init__(self, response):
        self.response, self.status, self.body = response, response.status, response.read()

    def header(self, name):
        return self.response.getheader(name)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def elements(self):
        """The elements, whether there is one, several or none."""
        return self.json if isinstance(self.json, list) else [self.json]

    def of(self, kind):
        """The content of the first element of a kind."""
        found = [element[kind] for element in self.elements if element["type"] == kind]
        assert found, f"no {kind} in {self.status} {self.body[:500]}"
        return found[0]

    @property
    def rows(self):
        return self.of("table")

    @property
    def text(self):
        return self.of("text")

    @property
    def alert(self):
        [element] = self.of("alert")
        assert element["type"] == "text"
        return element["text"]


def target(words, items):
    """`target("session show", ["--limit=1"])` is `/api/v1/session/show?--limit=1`."""
    def encoded(item):
        name, equals, value = item.partition("=")
        return urllib.parse.quote(name, safe="") + equals + urllib.parse.quote(value, safe="")

    query = "&".join(map(encoded, items))
    return "/api/v1/" + "/".join(words.split()) + ("?" + query if query else "")


class Admin:
    """`admin("session show", "--limit=1")` is the answer of that command. Without `key` over the socket; `headers` come
    with each request; `source` is the address that requests over HTTP come from."""

    def __init__(self, broker, key=None, headers=None, source=None, listener="default", is_local=None):
        self.broker, self.key, self.source, self.listener = broker, key, source, listener
        self.is_local = key is None and headers is None if is_local is None else is_local
        self.headers = headers or ({"x-api-key": key} if key else {})

    @property
    def socket_path(self):
        return self.broker.folder / "data" / "admin.sock"

    def connect(self):
        if self.is_local:
            return SocketConnection(self.socket_path)
        address = self.broker.address(self.listener, protocol="http")
        source = (self.source, 0) if self.source else None
        return http.client.HTTPConnection(*address, timeout=DEADLINE, source_address=source)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def __call__(self, words, *items, wire=False):
        return self.request("GET", target(words, items), headers={"Accept": WIRE} if wire else None)

    def done(self, words, *items):
        """Carries out a command that answers Done."""
        answer = self(words, *items)
        assert (answer.status, answer.text) == (200, "Done"), answer.body

    def sessions(self, *items):
        return self("session show", *items).rows


class Stream:
    """A command that goes on: its texts as they come."""

    def __init__(self, admin, words, *items, wire=False):
        self.is_wire = wire
        self.connection = admin.connect()
        headers = {**admin.headers, **({"Accept": WIRE} if wire else {})}
        self.connection.request("GET", target(words, items), headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.text, self.is_ended = "", False

    def read(self):
        """One element more; false at the end."""
        line = self.response.readline().decode()
        self.is_ended = not line
        if line.strip():
            if self.is_wire:
                kind, _, rest = line.rstrip("\n").partition("\t")
                text = rest.replace("\\n", "\n") if kind in "xa" else f"{kind} {rest}"
            else:
                element = json.loads(line)
                text = element["text"] if element["type"] == "text" else element["alert"][0]["text"]
            self.text += text + "\n"
        return not self.is_ended

    def wait_for(self, wanted):
        """Reads until a text has come; all that came so far."""
        end = time.monotonic() + DEADLINE
        while wanted not in self.text:
            assert time.monotonic() < end and self.read(), f"{wanted!r} did not come, but {self.text}"
        return self.text

    def rest(self):
        """All until the end."""
        while self.read():
            pass
        return self.text

    def close(self):
        self.connection.close()
        self.response.close()
