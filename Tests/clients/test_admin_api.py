"""The HTTP API: who may use it, what requests look like, and a client that knows nothing but its description."""

import base64
import json
import os
import re
import socket
import stat
import subprocess
import time
import urllib.parse

import pytest

from admin import WIRE, Admin
from waiting import DEADLINE, wait_until

KEY = "0123456789abcdefghij"
REALM = 'Authorization realm="VerneMQ"'


def basic(user, password=""):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def counted(broker, result):
    return broker.metrics()("api_requests_total", result=result)


@pytest.fixture
def remote(broker, admin):
    """The API over HTTP with a key of scope mgmt."""
    assert admin("api-key add", f"key={KEY}", "scope=mgmt").text == "ok"
    return Admin(broker, KEY)


# Keys


def test_without_a_good_key_it_is_401(broker, admin, remote):
    assert remote("node status").status == 200
    assert Admin(broker, headers=basic(KEY))("node status").status == 200
    assert Admin(broker, headers=basic(KEY, "ignored"))("node status").status == 200
    bearer = {"Authorization": f"Bearer {KEY}"}
    # A header Authorization is all that is looked at where there is one.
    for headers in [{"X": "y"}, basic("wrong"), bearer, {**basic("wrong"), "x-api-key": KEY}, {"Authorization": "Basic %%"}]:
        answer = Admin(broker, headers=headers)("node status")
        assert (answer.status, answer.body, answer.header("WWW-Authenticate")) == (401, b"", REALM)
    assert counted(broker, "unauthorized") == 5


@pytest.mark.parametrize("path", ["/api/v1/nonsense", "/api/v1/session/show?--nonsense", "/api/v1/openapi.json", "/api/v2/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_who_it_is_comes_before_what_it_asks(broker, path, method):
    status = 405 if method == "POST" and "nonsense" not in path else 401
    assert Admin(broker, "wrong").request(method, path).status == status


def test_a_browser_asks_what_it_may_without_a_key(broker):
    for path in ["/api/v1/node/status", "/api/v2/client", "/api/v1/openapi.json"]:
        options = Admin(broker, headers={"Origin": "http://elsewhere"}).request("OPTIONS", path)
        assert options.status == 200
        assert options.header("access-control-allow-headers") == "content-type, authorization"


def test_who_has_no_key_is_told_before_its_body_comes(broker, remote):
    host, port = broker.address("default", protocol="http")
    for _ in range(5):
        with socket.create_connection((host, port), timeout=30) as one:
            one.sendall(b"POST /api/v1/set HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n")
            assert one.recv(4096).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("scope", ["status", "metrics", "health", "api2", "httppub"])
def test_a_key_opens_its_scope_alone(broker, admin, scope):
    admin("api-key add", f"key={KEY}", f"scope={scope}")
    assert Admin(broker, KEY)("node status").status == 401
    expected = 200 if scope == "api2" else 401
    assert Admin(broker, KEY).get("/api/v2/client?client_id=x").status == expected


def test_an_expired_key_is_none(broker, admin):
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 3))
    assert admin("api-key add", f"key={KEY}", "scope=mgmt", f"expires={soon}").text == "ok"
    assert Admin(broker, KEY)("node status").status == 200
    wait_until("it is expired", lambda: admin("api-key show").rows[0]["has expired"])
    assert Admin(broker, KEY)("node status").status == 401


def test_keys_are_made_shown_and_deleted(broker, admin):
    made = admin("api-key create", "scope=metrics", "expires=2099-01-31T23:59:59").text
    assert len(made) == 32 and made.isalnum()
    assert admin("api-key add", f"key={KEY}").text == "ok"  # mgmt
    assert admin("api-key add", f"key={KEY}", "scope=health").text == "ok"
    assert admin("api-key add", f"key={KEY}", "scope=mgmt").alert == "{error,key_already_exists}"
    first, second, third = admin("api-key show").rows
    assert list(first) == ["Key", "Scope", "Expires (UTC)", "has expired"]
    assert re.fullmatch(made[:6] + "…[0-9a-f]{8}", first["Key"]) and first["Expires (UTC)"].startswith("2099-0")
    assert (second["Scope"], second["Expires (UTC)"], second["has expired"]) == ("mgmt", "never", False)
    assert third["Scope"] == "health"
    assert [row["Scope"] for row in admin("api-key show", "scope=metrics").rows] == ["metrics"]
    assert len(admin("api-key show", "scope=all").rows) == 3
    assert admin("api-key delete", f"key={KEY}", "scope=mgmt").text == "ok"
    assert admin("api-key delete", f"key={KEY}", "scope=mgmt").alert.startswith("{error,key_not_found}: it has another scope")
    assert Admin(broker, KEY)("node status").status == 401
    # Its beginning might be that of another one, too.
    assert f"write it so" in admin("api-key delete", f"key={made[:6]}", "scope=metrics").alert
    assert "another scope" in admin("api-key delete", f"key={first['Key']}", "scope=mgmt").alert
    assert admin("api-key delete", f"key={first['Key']}").text == "ok"
    assert [row["Scope"] for row in admin("api-key show").rows] == ["health"]


@pytest.mark.parametrize("items, status, says", [
    (["expires=2001-01-01T00:00:00", "scope=mgmt"], 200, "{error,invalid_expiry_date}"),
    (["expires=tomorrow"], 400, "2030-01-31T23:59:59"),
    (["scope=everything"], 400, "one of status, mgmt"),
    (["key=x"], 400, "Invalid key"), (["scope=mgmt", "scope=api2"], 400, "given twice"),
])
def test_a_key_that_was_not_meant_is_not_made(admin, items, status, says):
    answer = admin("api-key create", *items)
    assert answer.status == status and says in answer.alert
    assert admin("api-key show").rows == []


def test_limits_for_keys_come_from_the_configuration(start_broker):
    admin = Admin(start_broker({"min_apikey_length": 40, "max_apikey_expiry_days": 10}))
    assert admin("api-key create").alert == "{error,invalid_expiry_date}"
    assert admin("api-key create", "expires=2099-01-01T00:00:00").alert == "{error,invalid_expiry_date}"
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 86400))
    assert len(admin("api-key create", f"expires={soon}").text) == 40
    assert admin("api-key add", f"key={KEY}", f"expires={soon}").alert == "{error,invalid_key_length}"


def test_keys_outlive_a_crash_and_are_not_in_their_file(broker, admin, remote):
    short = "qzjw7x"
    made = admin("api-key create", "scope=mgmt").text
    assert admin("api-key add", f"key={short}").text == "ok"
    assert b"qz" not in admin("api-key show").body  # a quarter of it is shown
    file = broker.folder / "data" / "api-keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for key in [made, KEY, short, made[:7], "qz"]:
        assert key not in file.read_text()
    broker.restart()
    for key in [made, KEY, short]:
        assert Admin(broker, key)("node status").status == 200
    assert len(admin("api-key show").rows) == 3


def test_who_guesses_keys_is_not_listened_to(broker, admin, remote):
    guesser = Admin(broker, "wrong", source="127.0.0.9")
    assert [guesser("node status").status for _ in range(10)] == [401] * 10
    limited = guesser("node status")
    assert limited.status == 429 and int(limited.header("Retry-After")) == 60 and b"127.0.0.9" in limited.body
    # Not even with the right key; others are, and so is a key that was good from there before.
    assert Admin(broker, KEY, source="127.0.0.9")("node status").status == 429
    assert remote("node status").status == 200
    assert Admin(broker, KEY, source="127.0.0.8")("node status").status == 200
    assert admin("node status").status == 200
    assert counted(broker, "unauthorized") == 10 and counted(broker, "limited") == 2


def test_a_good_key_makes_up_for_no_wrong_one_and_is_let_in(broker, admin, remote):
    admin("api-key add", "key=another-scope", "scope=health")
    assert [Admin(broker, "another-scope")("node status").status for _ in range(20)] == [401] * 20
    for count in [9, 1]:
        assert remote("node status").status == 200
        assert [Admin(broker, "wrong")("node status").status for _ in range(count)] == [401] * count
    assert Admin(broker, "wrong")("node status").status == 429
    assert remote("node status").status == 200


def test_each_listener_has_its_own_auth_mode(start_broker):
    broker = start_broker({
        "listener.http.open": "127.0.0.1:0", "listener.http.open.http_module.vmq_http_mgmt_api.auth.mode": "noauth",
        "http_module.vmq_metrics_http.auth.mode": "apikey",
        "listener.http.default.http_module.vmq_metrics_http.auth.mode": "noauth",
    })
    anybody = {"X": "y"}
    assert Admin(broker, headers=anybody)("node status").status == 401
    assert Admin(broker, headers=anybody, listener="open")("node status").status == 200
    assert Admin(broker, headers=anybody).get("/metrics").status == 200
    assert Admin(broker, headers=anybody, listener="open").get("/metrics").status == 401
    assert Admin(broker, headers=anybody, listener="open").get("/api/v2/client?client_id=x").status == 401


# Requests


def test_a_form_may_have_what_changes_something(broker, remote):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = remote.request("POST", "/api/v1/set", "max_inflight_messages=7", form)
    assert (answer.status, answer.text) == (200, 'max_inflight_messages set to "7"')
    assert remote("show", "max_inflight_messages").rows[0]["max_inflight_messages"] == 7
    answer = remote.request("POST", "/api/v1/session/disconnect?client-id=x", "--cleanup", form)
    assert answer.text == "Done"
    assert remote.request("POST", "/api/v1/set", '{"max_inflight_messages": 8}', {"Content-Type": "application/json"}).status == 400
    assert remote.request("POST", "/api/v1/set?max_inflight_messages=8", "max_inflight_messages=9", form).status == 400
    assert remote("show", "max_inflight_messages").rows[0]["max_inflight_messages"] == 7


def test_the_largest_body_is_the_configurations_on_the_socket_too(start_broker):
    admin = Admin(start_broker({"http.max_body_size": 2000}))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for count, status in [(1900, 200), (2100, 413)]:
        body = "client-id=" + "x" * (count - 10)
        assert admin.request("POST", "/api/v1/session/disconnect", body, form).status == status


def test_other_methods(broker, remote):
    options = remote.request("OPTIONS", "/api/v1/node/status")
    assert (options.status, options.body) == (200, b"")
    assert {name: options.header("access-control-" + name) for name in ["max-age", "allow-origin", "allow-methods"]} == {
        "max-age": "1728000", "allow-origin": "*", "allow-methods": "HEAD, GET, POST"}
    assert options.header("access-control-allow-headers") == "content-type, authorization"
    whole, head = remote("node status"), remote.request("HEAD", "/api/v1/node/status")
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", str(len(whole.body)))
    assert whole.header("access-control-allow-origin") is None
    for path in ["/api/v1/session/show", "/api/v1/trace/client?client-id=x"]:
        head = remote.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
    for method in ["PUT", "DELETE", "PATCH"]:
        refused = remote.request(method, "/api/v1/node/status")
        assert refused.status == 405 and "POST" in refused.header("Allow")
    broker.wait_for_metric("client_traces", 0)


@pytest.mark.parametrize("path, says", [
    ("nonsense", "Unknown command: nonsense"), ("session/shwo", "Did you mean: vmq-admin session show"),
    ("session", "Sub-commands:"), ("node/status?a=b", "Invalid arguments"), ("session/show?--nonsense", "Invalid key"),
    ("node/status?--nonsense", "Invalid Flags"), ("session/show?--limit=", "Invalid value"),
    # What is sent while it is made has its status before anything is sent.
    ("session/disconnect/batch?count=1&--node=elsewhere", "Invalid node name"),
    ("session/disconnect?client-id=", "Empty value"), ("metrics/history?name=a&--minutes=x", "Invalid value"),
    ("cluster", "Sub-commands:"), ("session/show?--limit=-1", "Invalid value"),
])
def test_what_is_not_understood_is_400_and_says_why(admin, path, says):
    answer = admin.get("/api/v1/" + path)
    assert answer.status == 400
    assert says in answer.alert


def test_where_arguments_are_missing_the_usage_is_the_answer(admin):
    answer = admin("session disconnect")
    assert answer.status == 200 and answer.header("Content-Type") == "application/json"
    assert answer.alert.startswith("vmq-admin session disconnect client-id=<ClientId>")
    assert "--mountpoint=<Mountpoint>" in answer.alert and answer.alert.endswith("Missing argument: client-id")
    assert admin("set").alert.startswith("Usage: vmq-admin set <variable>=<value>")
    assert admin.request("GET", "/api/v1/session/disconnect", headers={"Accept": WIRE}).status == 400


def test_a_command_that_only_verne_mq_has_is_answered(admin):
    answer = admin("node swc_sync_status")
    assert answer.status == 200 and "VerneMQ's own metadata" in answer.alert
    assert admin.request("GET", "/api/v1/node/swc_sync_status", headers={"Accept": WIRE}).status == 400


@pytest.mark.parametrize("accept, status", [
    ("text/html", 406), ("application/xml, text/*", 406), ("application/json;q=0", 406), ("", 406),
    ("application/json", 200), ("text/html, */*;q=0.1", 200), ("application/*", 200),
])
def test_an_answer_that_is_not_wanted_is_none(broker, remote, accept, status):
    answer = remote.request("GET", "/api/v1/session/show", headers={"Accept": accept})
    assert answer.status == status and (status == 200 or b"application/json" in answer.body)
    assert Admin(broker, "wrong").request("GET", "/api/v1/session/show", headers={"Accept": accept}).status == 401


def test_a_flag_whose_value_is_empty_has_none(broker, client, admin):
    client(broker, client_id="one")
    assert admin.get("/api/v1/session/show?--client_id=&--is_online=true&--mountpoint=").rows == [
        {"client_id": "one", "mountpoint": ""}]
    assert admin.get("/api/v1/session/disconnect?client-id=one&--cleanup=").text == "Done"


def test_values_to_complete_with(broker, client, admin, remote):
    for name in ["sensor-1", "odd", "odd\x1b[2J"]:
        client(broker, client_id=name)
    for api in [admin, remote]:
        def values(source, prefix, api=api):
            answer = api.get(f"/api/v1/complete?source={source}&prefix={prefix}")
            assert answer.status == 200 and answer.header("Content-Type").startswith("text/plain")
            return answer.body.decode().split()

        assert values("clients", "sen") == ["sensor-1"]
        assert values("settings", "max_inf") == ["max_inflight_messages"]
        assert values("settingValues", "allow_anonymous=") == ["allow_anonymous=off", "allow_anonymous=on"]
        assert values("settingValues", "nonsense=") == []
        assert values("keys", KEY[:4]) == [admin("api-key show").rows[0]["Key"]]
        assert values("loggers", "con") == ["console"]
        assert str(broker.address("default", protocol="http")[1]) in values("ports", "")
        assert values("clients", "odd") == ["odd"]
        assert api.get("/api/v1/complete?source=nonsense&prefix=").status == 400
    assert Admin(broker, "wrong").get("/api/v1/complete?source=clients&prefix=").status == 401


@pytest.mark.parametrize("alias, path", [
    ("sessions", "session/show"), ("listeners", "listener/show"), ("plugins", "plugin/show")])
def test_verne_mqs_short_paths(admin, alias, path):
    assert admin.get("/api/v1/" + alias).json.keys() == admin.get("/api/v1/" + path).json.keys()


@pytest.mark.parametrize("path, says", [
    ("session/show?--help", "--client_id"), ("session?--help", "disconnect"), ("nonsense?--help", "Sub-commands:"),
    ("set?--help", "set <"),
])
def test_help_is_text(admin, path, says):
    answer = admin.get("/api/v1/" + path)
    assert answer.status == 200 and answer.header("Content-Type").startswith("text/plain")
    assert says in answer.body.decode()


def test_version_2(broker, client, admin):
    admin("api-key add", f"key={KEY}", "scope=api2")
    api = Admin(broker, KEY)
    one = client(broker, client_id="one")
    assert api.get("/api/v2/client?client_id=one").json == {"status": "online"}
    assert api.get("/api/v2/client?client_id=one&topics").json == {"status": "online", "topics": []}
    one.subscribe("a/b", 1)
    one.subscribe("c", 2)
    assert api.get("/api/v2/client?client_id=one&topics").json == {"status": "online", "topics": {"a/b": 1, "c": 2}}
    assert api.get("/api/v2/client?client_id=one&mountpoint=m").json == {"status": "unknown"}
    assert api.get("/api/v2/disconnect?client_id=nobody").json == "unknown"
    assert api.get("/api/v2/disconnect?client_id=one&cleanup").json == "ok"
    one.wait_for_disconnect()
    for command, result in [("disconnect client-id=nobody", "unknown"), ("disconnect client-id=one --cleanup", "ok")]:
        wait_until(f"the log has {command}", lambda: (command, result) in [
            (line["command"], line["result"]) for line in broker.log("operator's command")])
    assert api.get("/api/v2/client?client_id=one").json == {"status": "unknown"}
    assert api.get("/api/v2/other?client_id=one").status == 400
    assert api.get("/api/v2/client").status == 400


# The socket


def test_the_socket_is_its_owners_alone(broker, admin):
    assert stat.S_IMODE(admin.socket_path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    # Even where the file's mode lets everybody in, the broker looks who it is.
    for path in [admin.socket_path, *admin.socket_path.parents[:6]]:
        if path.owner() == "root" and len(path.parts) > 2:
            path.chmod(path.stat().st_mode | 0o005 | (0o666 if path == admin.socket_path else 0))
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = ["curl", "--silent", "--max-time", str(DEADLINE), "--unix-socket", "admin.sock", "http://x/api/v1/node/status"]
    mine = subprocess.run(command, cwd=admin.socket_path.parent, capture_output=True, timeout=DEADLINE)
    theirs = subprocess.run(as_nobody + command, cwd=admin.socket_path.parent, capture_output=True, timeout=DEADLINE)
    assert b"num_online" in mine.stdout
    assert theirs.stdout == b"This socket serves root and the user that the broker runs as.\n"


def test_what_vmq_admin_reads(admin):
    answer = admin.request("GET", "/api/v1/cluster/show", headers={"Accept": WIRE})
    assert answer.header("Content-Type") == WIRE
    assert answer.body == b"c\tNode\tRunning\nr\tsVerneMQ@127.0.0.1\tb1\nz\ne\t0\n"
    failed = admin.request("GET", "/api/v1/client/show?client-id=x", headers={"Accept": WIRE})
    assert failed.body.startswith(b"a\tthere is no session") and failed.body.endswith(b"\ne\t1\n")


# A client that has read /api/v1/openapi.json and nothing else


class Described:
    """Calls operations by their id, with parameters by their names."""

    def __init__(self, admin):
        self.admin = admin
        self.document = admin.get("/api/v1/openapi.json").json
        self.base = self.document["servers"][0]["url"]
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items() for method, operation in item.items()}

    def call(self, operation_id, **values):
        """A value that is True is a parameter without one; `settings` is an object whose members are parameters."""
        method, path, operation = self.operations[operation_id]
        query = []
        for parameter in operation["parameters"]:
            name = parameter["name"]
            value = values.pop(name.lstrip("-").replace("-", "_"), None)
            assert value is not None or not parameter["required"], f"{operation_id} needs {name}"
            pairs = value.items() if parameter["schema"].get("type") == "object" else [(name, value)]
            for key, each in pairs:
                if each is not None:
                    key = urllib.parse.quote(key, safe="")
                    query.append(key if each is True else f"{key}={urllib.parse.quote(str(each), safe='')}")
        assert not values, f"{operation_id} has no {values}"
        answer = self.admin.request(method, self.base + path + ("?" + "&".join(query) if query else ""))
        assert str(answer.status) in operation["responses"]
        return answer


def test_the_description_is_enough(broker, client, remote):
    api = Described(remote)
    assert api.document["openapi"].startswith("3.1.")
    one = client(broker, version=4, client_id="one", clean=False)
    one.subscribe("a/b", 1)
    assert [row["client_id"] for row in api.call("session-show", client_id=True, is_online="true").rows] == ["one"]
    assert [row["client_id"] for row in api.call("subscriptions-show", filter="a/b").rows] == ["one"]
    assert api.call("client-show", client_id="one").rows[0] == {"Item": "client_id", "Value": "one"}
    assert api.call("post-session-disconnect", client_id="one").text == "Done"
    one.wait_for_disconnect()
    client(broker).publish("a/b", b"x", 1)
    assert [row["topic"] for row in api.call("queue-show", client_id="one").rows] == ["a/b"]
    assert api.call("post-queue-purge", client_id="one", yes=True).text == "1 messages dropped"
    assert "set to" in api.call("post-set", settings={"max_inflight_messages": 33}).text
    assert api.call("show", settings={"max_inflight_messages": True}).rows[0]["max_inflight_messages"] == 33
    assert api.call("post-listener-start", address="127.0.0.1", port=0, mountpoint="m").text == "Done"
    assert [row["type"] for row in api.call("listener-show").rows] == ["mqtt", "mqtt", "http"]
    assert len(api.call("post-api-key-create", scope="metrics").text) == 32
    assert api.call("node-status").rows[0]["Status"] == "num_online"
    assert api.call("post-session-delete", client_id="one", yes=True).text == "Done"


def test_the_description_has_every_command_that_help_has(admin):
    document = admin.get("/api/v1/openapi.json").json
    paths = {path.strip("/").replace("/", " ") for path in document["paths"]}
    for group in sorted({path.split()[0] for path in paths}):
        assert f"    {group}" in admin.get("/api/v1/nonsense?--help").body.decode()
    for path, item in document["paths"].items():
        assert {"get"} <= item.keys() <= {"get", "post"}
        assert json.dumps(item["get"]["responses"]).count("$ref") == 7
