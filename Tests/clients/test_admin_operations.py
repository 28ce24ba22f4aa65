"""What else operators do: each command once, listeners, settings, the node, metrics, the log."""

import datetime
import json
import socket
import ssl
import subprocess

import pytest

from admin import Admin
from raw_client import RawClient, connect
from waiting import wait_until

LISTENER = ["type", "status", "address", "port", "mountpoint", "max_conns", "active_conns", "all_conns"]
STATUS = [
    "num_online", "num_offline", "msg_in", "msg_out", "queue_in", "queue_out", "queue_drop", "queue_unhandled",
    "num_subscriptions", "num_retained", "matches_local", "matches_remote", "version",
]

# (command, its elements: table, text, alert)
TEXT, TABLE, ALERT, NOTHING = ["text"], ["table"], ["alert"], []
COMMANDS = [
    ("client show client-id=here", TABLE + TEXT + TABLE),
    ("node status", TABLE), ("node stop", TEXT), ("node start", TEXT), ("node upgrade", ALERT), ("cluster show", TABLE),
    ("session show", TABLE), ("session disconnect client-id=x", TEXT), ("session disconnect clients client-ids=x,y", TEXT),
    ("session disconnect batch count=1", TEXT), ("session unsubscribe client-id=x topic=y", TEXT),
    ("session reauthorize username=u client-id=x", TEXT), ("session delete client-id=x --yes", ALERT),
    ("client show client-id=x", ALERT),
    ("subscriptions show", TABLE), ("queue show client-id=x", ALERT), ("queue purge client-id=x --yes", ALERT),
    ("retain show", TABLE), ("retain delete --topic=x", TEXT), ("retain delete", ALERT), ("retain delete-expired", TABLE),
    ("plugin show", TABLE), ("plugin enable --name=x", ALERT), ("plugin disable --name=x", ALERT),
    ("acl check", ALERT), ("auth failures show", TABLE), ("auth failures clear", TABLE),
    ("listener show", TABLE), ("listener start address=127.0.0.1 port=0", TEXT),
    ("listener stop address=127.0.0.1 port=1", ALERT), ("listener restart address=127.0.0.1 port=1", ALERT),
    ("listener delete address=127.0.0.1 port=1", ALERT),
    ("acl check", ALERT), ("auth failures show", TABLE), ("auth failures clear", TABLE),
    ("metrics show", TEXT), ("metrics reset", TEXT), ("metrics history name=socket_open", TABLE), ("metrics check", TABLE + TEXT),
    ("metrics cardinality", TABLE + TEXT),
    ("api-key create", TEXT), ("api-key add key=secret-key", TEXT), ("api-key show", TABLE), ("api-key delete key=x", ALERT),
    ("trace stop_all", NOTHING), ("tls show", TABLE), ("tls check", TEXT), ("tls clear-pem-cache", TEXT),
    ("log show config", TABLE), ("log level logger=console level=info", TEXT),
    ("set max_inflight_messages=9", TEXT), ("set max_inflight_messages=9 --all", TEXT + TABLE),
    ("show max_inflight_messages", TABLE), ("describe max_inflight_messages", TEXT),
    ("describe max_inflight_messages retry_interval", TEXT + TEXT), ("config show", TABLE),
    ("config show --key=max_inflight_messages", TEXT), ("config reset", TEXT), ("config reset --global", ALERT),
    ("completion bash", TEXT),
    ("completion zsh", TEXT), ("completion fish", TEXT),
]


def test_every_command_has_verne_mqs_shape(broker, client, admin):
    client(broker, client_id="here").subscribe("a")
    for line, kinds in COMMANDS:
        words = line.split()
        command = " ".join(word for word in words if "=" not in word and word[:1] != "-")
        items = [word for word in words if "=" in word or word[:1] == "-"]
        if command.split()[0] in ("show", "describe") and "=" not in line:
            command, items = words[0], words[1:]
        answer = admin(command, *items)
        assert answer.status == 200, (line, answer.body)
        assert answer.header("Content-Type") == "application/json"
        # One element is that element, without a line feed; several or none are an array with one.
        assert isinstance(answer.json, list) == (len(kinds) != 1) == answer.body.endswith(b"\n"), (line, answer.body)
        assert [element["type"] for element in answer.elements] == kinds, (line, answer.body)
        for element in answer.elements:
            assert list(element) == [element["type"], "type"]


def test_the_list_above_is_whole(admin):
    document = admin.get("/api/v1/openapi.json").json
    described = {path.strip("/").replace("/", " ") for path in document["paths"]}
    missing = {each for each in described if not any(line == each or line.startswith(each + " ") for line, _ in COMMANDS)}
    assert missing == {"trace client"}


# Listeners


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def connects(port):
    """Whether a client gets a session on this port."""
    try:
        with RawClient(("127.0.0.1", port)) as raw:
            return raw.open_session(f"probe{port}") == 0
    except (OSError, TypeError):
        return False


def test_listeners_start_stop_and_end(broker, client, admin):
    port = free_port()
    where = ["address=127.0.0.1", f"port={port}"]

    def row():
        return next((each for each in admin("listener show").rows if each["port"] == str(port)), None)

    assert not connects(port)
    admin.done("listener start", *where, "--mountpoint=m", "--max_connections=2")
    assert list(row()) == LISTENER
    assert (row()["type"], row()["status"], row()["mountpoint"], row()["max_conns"]) == ("mqtt", "running", "m", 2)
    assert "Address already in use" in admin("listener start", *where).alert
    with RawClient(("127.0.0.1", port)) as stays:
        assert stays.open_session("stays") == 0
        assert [each["mountpoint"] for each in admin.sessions("--mountpoint", "--client_id=stays")] == ["m"]
        wait_until("it is counted", lambda: row()["active_conns"] == 1)
        admin.done("listener stop", *where)
        assert row()["status"] == "suspended" and not connects(port)
        assert broker.get("/health/listeners").status == 503
        assert broker.metrics()("listener_running", listener=f"127.0.0.1:{port}", type="http") == 0
        assert broker.metrics()("listener_running", type="mqtt") == 1  # the other one
        stays.publish("a", b"x")  # It goes on.
        admin.done("listener restart", *where)
        assert row()["status"] == "running" and connects(port)
        assert broker.metrics()("listener_running", type="mqtt") == 2
        admin.done("listener stop", *where, "--kill_sessions")
        assert stays.is_ended()
    admin.done("listener restart", *where)
    with RawClient(("127.0.0.1", port)) as cut:
        assert cut.open_session("cut") == 0
        admin.done("listener delete", *where)
        assert cut.is_ended()
    assert row() is None and not connects(port)
    for verb in ["stop", "restart", "delete"]:
        assert f"can't {verb} listener due to 'not_found'" in admin(f"listener {verb}", *where).alert
        assert str(broker.address(protocol="http")[1]) in admin(f"listener {verb}", *where).alert
    admin.done("listener start", *where)
    assert connects(port) and connects(broker.port)


@pytest.mark.parametrize("items, status, says", [
    (["address=nowhere", "port=1"], 400, "not an IPv4 or IPv6 address"),
    (["address=127.0.0.1", "port=65536"], 400, "from 0 to 65535"), (["address=127.0.0.1"], 200, "Missing argument: port"),
    (["address=192.0.2.1", "port=0"], 200, "can't start listener due to"),
    (["address=127.0.0.1", "port=0", "--http", "--websocket"], 400, "cannot be combined"),
    (["address=127.0.0.1", "port=0", "--http", "--mountpoint=x"], 400, "A listener of kind http has nothing that it sets"),
    (["address=127.0.0.1", "port=0", "--http", "--http_modules=nonsense"], 400, "http_modules"),
    (["address=127.0.0.1", "port=0", "--http", "--ssl"], 200, "--ssl needs --certfile and --keyfile"),
    (["address=127.0.0.1", "port=0", "--http", "--ssl", "--certfile=/no", "--keyfile=/no"], 200, "/no: No such file"),
    (["address=local:/no", "port=0", "--http"], 400, "local:/no"),
    (["address=127.0.0.1", "port=0", "--auth_plugins=[vmq_acl]"], 200, "a list of plugins that are enabled"),
    (["address=127.0.0.1", "port=0", "--allowed_protocol_versions=6"], 400, "list of 3, 4, 5"),
    (["address=127.0.0.1", "port=0", "--max_connections=x"], 400, "or infinity"),
    (["address=127.0.0.1", "port=0", "--mountpoint=a/#"], 400, "no wildcards"),
])
def test_a_listener_that_cannot_be_is_refused(admin, items, status, says):
    before = admin("listener show").rows
    answer = admin("listener start", *items)
    assert answer.status == status and says in answer.alert
    assert [row["port"] for row in admin("listener show").rows] == [row["port"] for row in before]


def test_a_listener_s_versions_and_checks(start_broker):
    admin = Admin(start_broker({"allow_anonymous": "off", "listener.tcp.default.allow_anonymous_override": "on"}))
    ports = [free_port() for _ in range(2)]
    admin.done("listener start", "address=127.0.0.1", f"port={ports[0]}")
    admin.done(
        "listener start", "address=127.0.0.1", f"port={ports[1]}", "--allow_anonymous_override",
        "--allowed_protocol_versions=5")
    for port, version, code in [(ports[0], 4, 5), (ports[1], 5, 0), (ports[1], 4, 1)]:
        with RawClient(("127.0.0.1", port)) as raw:
            assert raw.open_session("x", version) == code
    shown = {row["port"]: row for row in admin("listener show", "--mqtt").rows}
    assert shown[str(ports[1])]["allowed_protocol_versions"] == "mqtt 5"
    assert "mqtt 3.1.1" in shown[str(ports[0])]["allowed_protocol_versions"]


def test_a_listener_with_tls_needs_a_certificate(admin):
    answer = admin("listener start", "address=127.0.0.1", "port=0", "--ssl")
    assert answer.alert.startswith("can't start listener due to '--certfile: ")


def test_versions_are_those_of_configured_listeners(start_broker):
    admin = Admin(start_broker({"listener.tcp.allowed_protocol_versions": "4", "listener.max_connections": 7}))
    port = free_port()
    admin.done("listener start", "address=127.0.0.1", f"port={port}")
    row = next(row for row in admin("listener show", "--mqtt").rows if row["port"] == str(port))
    assert (row["allowed_protocol_versions"], row["max_conns"]) == ("mqtt 3.1.1", 7)


def page(port, path="/health/ping", tls=None):
    """The status of a page; None where nobody listens."""
    import http.client

    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=tls)
        if tls else http.client.HTTPConnection("127.0.0.1", port, timeout=5))
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


def test_http_listeners_start_stop_and_end(broker, admin, tmp_path):
    port = free_port()
    where = ["address=127.0.0.1", f"port={port}"]

    def state():
        return next(((row["type"], row["status"]) for row in admin("listener show").rows if row["port"] == str(port)), None)

    before = broker.metrics()("http_requests_total", code="2xx")
    admin.done("listener start", *where, "--http", "--http_modules=[vmq_health_http]", "--max_connections=5")
    assert state() == ("http", "running") and page(port) == 200 and page(port, "/metrics") == 404
    row = next(row for row in admin("listener show").rows if row["port"] == str(port))
    assert row["max_conns"] == 5
    assert "Address already in use" in admin("listener start", *where, "--http").alert
    for closing in [[], ["--kill_sessions"]]:
        admin.done("listener stop", *where, *closing)
        assert state() == ("http", "suspended") and page(port) is None
        assert broker.get("/health/listeners").status == 503
        admin.done("listener restart", *where)
        assert state() == ("http", "running") and page(port) == 200
    admin.done("listener delete", *where)
    assert state() is None and page(port) is None
    assert broker.get("/health/listeners").status == 200
    assert broker.metrics()("listener_running", listener="default", type="http") == 1
    # What was counted on listeners that are gone is not lost.
    assert broker.metrics()("http_requests_total", code="2xx") >= before + 3
    pem, key = certificate(tmp_path, "localhost", "10")
    admin.done("listener start", *where, "--http", "--ssl", f"--certfile={pem}", f"--keyfile={key}")
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    assert state() == ("https", "running") and page(port, tls=trusting) == 200

    def end():
        name = f"127.0.0.1:{port}"
        return broker.metrics()("listener_certificate_expiry_timestamp_seconds", listener=name, file=str(pem))

    # A new certificate is in force, and no longer alarms, once the listener has been stopped and started.
    before = end()
    certificate(tmp_path, "localhost", "100")
    admin.done("listener stop", *where)
    admin.done("listener restart", *where)
    assert page(port, tls=trusting) == 200 and end() > before + 80 * 86_400


def test_what_a_deleted_listener_has_counted_stays(broker, admin):
    port = free_port()
    where = ["address=127.0.0.1", f"port={port}"]
    name = f"127.0.0.1:{port}"

    def refused():
        return broker.metrics()("listener_refused_total", listener=name, type="mqtt", limit="max_connections")

    for times in (1, 2):
        admin.done("listener start", *where, "--max_connections=1")
        first = RawClient(("127.0.0.1", port))
        assert first.open_session("first", 4) == 0
        second = RawClient(("127.0.0.1", port))
        second.send(connect("second"))
        wait_until("it is refused", lambda: refused() == times)
        admin.done("listener delete", *where)
        assert refused() == times
        assert name not in [labels["listener"] for labels, _ in broker.metrics().families["vernemq_listener_running"]]


def test_a_listener_may_be_ended_over_itself(broker, admin):
    admin("api-key add", "key=0123456789abcdefghij")
    remote = Admin(broker, "0123456789abcdefghij")
    port = broker.address(protocol="http")[1]
    where = ["address=127.0.0.1", f"port={port}"]
    remote.done("listener stop", *where, "--kill_sessions")
    assert page(port) is None
    admin.done("listener restart", *where)
    remote.done("listener delete", *where)
    assert page(port) is None
    assert [row["type"] for row in admin("listener show").rows] == ["mqtt"]
    admin.done("listener start", *where, "--http")
    assert page(port) == 200


def test_http_listeners_at_run_time_are_few(admin):
    for _ in range(8):
        admin.done("listener start", "address=127.0.0.1", "port=0", "--http")
    refused = admin("listener start", "address=127.0.0.1", "port=0", "--http").alert
    assert "8 listeners for HTTP were started while the broker runs" in refused
    ports = [row["port"] for row in admin("listener show").rows if row["type"] == "http"]
    admin.done("listener delete", "address=127.0.0.1", f"port={ports[-1]}")
    admin.done("listener start", "address=127.0.0.1", "port=0", "--http")


def test_mqtt_listeners_at_run_time_are_few(admin):
    def start():
        return admin("listener start", "address=127.0.0.1", "port=0")

    def delete(port):
        admin.done("listener delete", "address=127.0.0.1", f"port={port}")

    def ports():
        return [row["port"] for row in admin("listener show").rows if row["type"] == "mqtt"]

    before = set(ports())
    for _ in range(70):
        assert start().text == "Done"
        [port] = set(ports()) - before
        delete(port)
    for _ in range(64):
        assert start().text == "Done"
    assert "64 listeners for MQTT were started while the broker runs" in start().alert
    delete(ports()[-1])
    # One that cannot be gives its place back.
    assert "can't start" in admin("listener start", "address=127.0.0.1", f"port={min(before)}").alert
    assert start().text == "Done"
    assert "64 listeners" in start().alert


def certificate(folder, name, days):
    """Makes `name.pem` and `name.key`, for a host of that name."""
    paths = [folder / f"{name}.pem", folder / f"{name}.key"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", days,
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True)
    return map(str, paths)


def test_certificates_in_force_are_shown_and_checked(start_broker, tmp_path):
    file, key = certificate(tmp_path, "first", "1")
    listener = {"listener.https.default": "127.0.0.1:0", "listener.https.default.certfile": file,
                "listener.https.default.keyfile": key}
    broker = start_broker(listener)
    admin = Admin(broker)
    [row] = admin("tls show").rows
    ends_at = datetime.datetime.strptime(row["Not_After"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    assert broker.metrics()("listener_certificate_expiry_timestamp_seconds", listener="default", type="https",
                            file=file) == ends_at.timestamp()
    assert (row["File"], row["CN"], row["Issuer"], row["SAN"]) == (file, "first", "first", "DNS:first, IP:127.0.0.1")
    [ends] = admin("tls check").rows
    assert list(ends) == ["File", "Not_Before", "Not_After", "SecExp", "SecToVal"]
    assert ends["Not_After"] == row["Not_After"] and 0 < ends["SecExp"] <= 86_400 and ends["SecToVal"] == 0
    assert admin("tls check", "--validity=60").text == "All fine"
    [shown] = [each for each in admin("listener show", "--tls").rows if each["type"] == "https"]
    assert (shown["tls_version"], shown["certfile"], shown["keyfile"]) == ("tlsv1.2, tlsv1.3", file, key)
    assert shown["require_certificate"] is False
    # A file that was replaced is not in force, which is said; what is shown is what clients get.
    certificate(tmp_path, "second", "100")
    (tmp_path / "second.pem").rename(file)
    assert "HTTPS listener reads its files again when it is stopped and started" in admin("tls clear-pem-cache").text
    assert [each["CN"] for each in admin("tls show").rows] == ["first"]
    served = ssl.get_server_certificate(("127.0.0.1", int(shown["port"])))
    (tmp_path / "served.pem").write_text(served)
    told = subprocess.run(["openssl", "x509", "-in", tmp_path / "served.pem", "-noout", "-subject"], capture_output=True)
    assert b"first" in told.stdout
    (tmp_path / "second.key").rename(key)
    where = [f"address={shown['address']}", f"port={shown['port']}"]
    admin.done("listener stop", *where)
    admin.done("listener restart", *where)
    assert [each["CN"] for each in admin("tls show").rows] == ["second"]


def test_the_node_stops_and_starts(broker, client, admin):
    one = client(broker, version=5, client_id="one", clean=False)
    one.subscribe("a", 1)
    admin.done("node stop")
    one.wait_for_disconnect()
    assert not connects(broker.port)
    assert {row["status"] for row in admin("listener show").rows if row["type"] == "mqtt"} == {"suspended"}
    admin.done("node stop")
    admin.done("node start")
    assert connects(broker.port)
    rows = admin("node status").rows
    assert [row["Status"] for row in rows] == STATUS
    assert admin("cluster show").rows == [{"Node": "VerneMQ@127.0.0.1", "Running": True}]


# Settings


def unacknowledged(raw):
    """How many messages of QoS 1 the broker sends before it waits for an acknowledgement."""
    raw.socket.settimeout(0.3)
    count = 0
    try:
        while raw.read_packet():
            count += 1
    except TimeoutError:
        return count


def test_a_setting_changes_connected_clients(broker, client, admin):
    with RawClient(broker.address()) as raw:
        raw.open_session("slow")
        raw.subscribe("a", 1)
        assert admin("set", "max_inflight_messages=3").text == 'max_inflight_messages set to "3"'
        publisher = client(broker)
        for number in range(10):
            publisher.publish("a", b"%d" % number, 1)
        assert unacknowledged(raw) == 3
        [row] = admin.sessions("--client_id=slow", "--waiting_acks", "--online_messages")
        assert row["waiting_acks"] == 3
    assert admin("show", "max_inflight_messages", "allow_anonymous").rows == [
        {"node": "VerneMQ@127.0.0.1", "max_inflight_messages": 3, "allow_anonymous": "on"}]
    assert admin("config show", "--key=max_inflight_messages").text == "Scope: node\nValue: 3"
    [row] = [row for row in admin("config show").rows if row["Config"] == "max_inflight_messages"]
    assert row == {"Config": "max_inflight_messages", "Env": "", "Node": "3", "Global": ""}
    admin.done("config reset", "--key=max_inflight_messages")
    assert admin("config show", "--key=max_inflight_messages").text == "Scope: env\nValue: 20"
    assert admin("config reset", "--key=max_inflight_messages").alert == "config item not found"


def test_a_setting_changes_who_may_connect(broker, admin):
    assert connects(broker.port)
    admin("set", "max_client_id_size=3")
    assert not connects(broker.port)
    admin.done("config reset")
    assert connects(broker.port)


@pytest.mark.parametrize("items, says", [
    (["nonsense=1"], "Unknown variable: nonsense"), (["max_inflight_message=1"], "did you mean max_inflight_messages"),
    (["nodename=x@y"], 'The following config keys are not settable: ["nodename"]'),
    (["listener.tcp.default=127.0.0.1:1"], "not settable"), (["max_inflight_messages=many"], "is not an integer"),
    (["max_inflight_messages=70000"], "0...65535"), (["max_inflight_messages="], "Empty value"),
])
def test_settings_change_all_or_none(admin, items, says):
    answer = admin("set", "retry_interval=77", *items)
    assert says in answer.alert
    assert admin("show", "retry_interval").rows[0]["retry_interval"] == 20


def test_settings_are_described(admin):
    assert "type: int" in admin("describe", "max_inflight_messages").text
    for command in ["show", "describe"]:
        refused = admin(command, "nonsense")
        assert refused.status == 400 and refused.alert == "Invalid config keys: nonsense"
        assert admin(command).alert.startswith(f"Usage: vmq-admin {command} ")


def test_what_is_meant_for_another_node_changes_nothing_here(broker, client, admin):
    one = client(broker, client_id="one")
    for answer in [
        admin("set", "retry_interval=77", "--node=other@host"), admin("show", "retry_interval", "--node=other@host"),
        admin("session disconnect batch", "count=9", "--node=other@host"),
    ]:
        assert answer.alert.startswith("Invalid node name")
    assert admin("show", "retry_interval", "--node=VerneMQ@127.0.0.1").rows[0]["retry_interval"] == 20
    assert len(admin.sessions()) == 1 and one.disconnect_code is None


def test_config_reset_does_not_do_something_else(admin):
    admin("set", "retry_interval=77")
    assert "no others" in admin("config reset", "--config-val=7").alert
    assert admin("config reset", "app=nonsense").alert == "App not configured via vmq_config"
    assert admin("config show", "app=nonsense").alert == "App not configured via vmq_config"
    assert admin("show", "retry_interval").rows[0]["retry_interval"] == 77


# Metrics


def shown(admin, name, *flags):
    """The values of a metric in `metrics show`."""
    lines = [line.partition(" = ") for line in admin("metrics show", *flags).text.splitlines()]
    return [int(value) for key, _, value in lines if key.partition(".")[2] == name]


def test_metrics_are_shown_and_reset(broker, client, admin):
    publisher = client(broker, version=5)
    for _ in range(3):
        publisher.publish("a", b"x", 1)
    assert shown(admin, "mqtt_publish_received") == [3]
    assert sorted(shown(admin, "mqtt_publish_received", "--aggregate=false")) == [0, 3]
    assert shown(admin, "mqtt_publish_received", "--mqtt_version=5") == [3]
    assert shown(admin, "mqtt_puback_sent", "--reason_code=success", "--mqtt_version=5")[0] >= 0
    assert "# " in admin("metrics show", "--with-descriptions").text
    admin.done("metrics reset")
    assert shown(admin, "mqtt_publish_received") == [0]
    publisher.publish("a", b"x", 1)
    assert shown(admin, "mqtt_publish_received") == [1]
    assert broker.metrics()("mqtt_publish_received") == 4  # A scraper sees no step.


def test_metrics_check_history_and_cardinality(admin):
    rows = admin("metrics check").rows
    assert {row["equation"] for row in rows} >= {"ingress", "routing", "delivery", "queue", "storage", "transit"}
    assert {row["verdict"] for row in rows} == {"ok"}
    assert admin("metrics history", "name=socket_open", "--minutes=5").status == 200
    assert "no metric" in admin("metrics history", "name=nonsense").alert
    answer = admin("metrics cardinality", "--limit=3")
    counts = [row["series"] for row in answer.rows]
    assert len(counts) == 3 and counts == sorted(counts, reverse=True)


# The log


def test_the_level_of_the_log_changes(broker, client, admin):
    assert [row["level"] for row in admin("log show config").rows if row["logger"] == "console"] == ["info"]
    for level in ["debug", "all", "error", "info"]:
        admin.done("log level", "logger=console", f"level={level}")
    assert "there is no logger" in admin("log level", "logger=nonsense", "level=info").alert
    for level in ["warning", "none"]:
        admin.done("log level", "logger=default", f"level={level}")
        assert [row["level"] for row in admin("log show config").rows if row["logger"] == "default"] == [level]
    assert [row["level"] for row in admin("log show config").rows if row["logger"] == "console"] == ["info"]
    assert admin("log level", "logger=console", "level=loud").status == 400
    admin.done("log level", "logger=console", "level=info")


@pytest.mark.parametrize("level", ["none", "warning", "emergency"])
def test_no_level_of_the_log_hides_what_operators_do(broker, admin, level):
    admin.done("log level", "logger=console", f"level={level}")
    admin.done("log level", "logger=default", f"level={level}")
    admin("api-key add", "key=abcdefghijklmnop", "scope=mgmt")
    refused = admin("session delete", "client-id=here")
    assert refused.status == 400 and "needs --yes" in refused.alert
    stranger = Admin(broker, "wrong")
    assert [stranger("node status").status for _ in range(12)] == [401] * 10 + [429] * 2
    admin.done("session disconnect", "client-id=last")
    wait_until("it is told", lambda: "client-id=last" in json.dumps(broker.log("operator's command")))
    said = {line["command"]: line for line in broker.log("operator's command")}
    assert said[f"log level logger=console level={level}"]["level"] == "notice"
    assert said["api-key add key=abcdef****** scope=mgmt"]["result"] == "done"
    assert "needs --yes" in said["session delete client-id=here"]["result"]
    [refusal] = broker.log("API keys refused")
    assert (refusal["from"], refusal["wrong_keys"]) == ("127.0.0.1", 10)


def test_ten_thousand_refused_listeners(broker, admin):
    """What starts listeners is asked again and again, by one connection that stays."""
    port = broker.address("default")[1]
    path = f"/api/v1/listener/start?address=127.0.0.1&port={port}"
    connection = admin.connect()
    for _ in range(10_000):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200 and b"can't start listener" in answer.read()
    connection.close()
    assert broker.process.poll() is None and admin("node status").status == 200


def test_what_changes_something_leaves_a_line_without_secrets(broker, admin):
    key, short = "abcdefghijklmnopqrstuvwxyz", "k3k3k"
    masked = "abcdef******"
    admin("api-key add", f"key={key}", "scope=mgmt")
    admin("api-key add", f"key={short}")
    admin("set", "listener.ssl.x.keypasswd=confidential")
    admin("config reset", "--key=max_inflight_messages")
    admin("session show")
    Admin(broker, key)("session disconnect", "client-id=gone")
    Admin(broker, short)("session disconnect", "client-id=lost")

    def lines():
        found = broker.log("operator's command")
        return found if "client-id=lost" in json.dumps(found) else None

    found = wait_until("the line is there", lines)
    said = {line["command"]: line for line in found}
    assert said[f"api-key add key={masked} scope=mgmt"]["who"].startswith("uid ")
    assert said[f"api-key add key={masked} scope=mgmt"]["from"] == "local"
    assert said["set listener.ssl.x.keypasswd=******"]["result"].startswith("The following config keys are not settable")
    assert said["config reset --key=max_inflight_messages"]["result"] == "config item not found"
    over_http = said["session disconnect client-id=gone"]
    assert (over_http["who"], over_http["from"], over_http["result"]) == ("key abcdef…", "127.0.0.1", "done")
    assert not any(command.startswith("session show") for command in said)
    log = broker.log_path.read_text()
    assert key not in log and short not in log and "confidential" not in log
