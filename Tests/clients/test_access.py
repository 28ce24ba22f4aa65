"""Who may connect and which topics clients may use: password and access control files, with clients that are not ours."""

import base64
import hashlib
import os
import subprocess
import threading

import pytest

import mosquitto
from admin import Admin
from paho_client import PROTOCOLS
from waiting import DEADLINE, wait_until

NOT_AUTHORIZED = 0x87
BAD_CREDENTIALS = 0x86


def line(user, password):
    """A line as VerneMQ writes it: SHA-512 over the password and then the salt, once."""
    salt = os.urandom(12)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return f"{user}:$6${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def write(path, text):
    """A whole new file in the place of the old one: whoever reads it never sees half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)


USERS = {"ada": "a", "bob": "b"}
RULES = """
topic read news/#
user ada
topic ada/#
topic write news/ada
topic read $SYS/#
pattern devices/%c/#
pattern tenant/%m/#
"""


@pytest.fixture
def guarded(start_broker, tmp_path):
    """Starts brokers that go by the files `passwd` and `acl` in the test's folder."""
    passwd, acl = tmp_path / "passwd", tmp_path / "acl"
    passwd.write_text("".join(line(*user) for user in USERS.items()))
    acl.write_text(RULES)

    def start(settings=None, **options):
        broker = start_broker({
            "allow_anonymous": "off", "allow_all_topics": "off", "plugins.vmq_passwd": "on", "plugins.vmq_acl": "on",
            "vmq_passwd.password_file": passwd, "vmq_acl.acl_file": acl, "auth_failures.delay": 0,
            "vmq_passwd.password_reload_interval": 1, "vmq_acl.acl_reload_interval": 1, **(settings or {}),
        }, **options)
        broker.passwd, broker.acl = passwd, acl
        return broker

    return start


def code(client, broker, version, **options):
    """The code of CONNACK, as MQTT 5 has it."""
    return client(broker, version=version, **options).code


def loads(broker, plugin):
    return broker.metrics()("plugin_file_loads_total", plugin=plugin, result="ok")


@pytest.mark.parametrize("version", PROTOCOLS)
def test_users_of_the_file_get_in_with_their_password_alone(guarded, client, version):
    broker = guarded()
    assert code(client, broker, version, username="ada", password="a") == 0
    # Paho turns the codes of MQTT 3 into those of MQTT 5: 4 is 0x86, 5 is 0x87.
    assert code(client, broker, version, username="ada", password="b") == BAD_CREDENTIALS
    nobody = BAD_CREDENTIALS if version == 5 else NOT_AUTHORIZED
    assert code(client, broker, version, username="eve", password="a") == nobody
    assert code(client, broker, version, client_id="x") == nobody
    numbers = broker.metrics()
    hook = "auth_on_register_m5" if version == 5 else "auth_on_register"
    assert numbers("plugin_hook_calls_total", plugin="vmq_passwd", hook=hook, result="allowed") == 1
    assert numbers("plugin_hook_calls_total", plugin="vmq_passwd", hook=hook, result="refused") == 1
    assert numbers("plugin_hook_calls_total", plugin="vmq_passwd", hook=hook, result="next") == 2
    assert numbers("auth_failures_total") == 3


@pytest.mark.parametrize("version", PROTOCOLS)
def test_rules_say_which_topics_may_be_used(guarded, client, version):
    broker = guarded()
    ada = client(broker, version=version, client_id="d1", username="ada", password="a")
    bob = client(broker, version=version, client_id="d2", username="bob", password="b")
    refused = NOT_AUTHORIZED if version == 5 else 0x80
    for who, topic, is_allowed in [
        (ada, "news/#", True), (bob, "news/+", True), (ada, "ada/#", True), (bob, "ada/x", False),
        (ada, "#", False), (ada, "+/x", False), (ada, "devices/d1/#", True), (ada, "devices/d2/x", False),
        (bob, "devices/d2/#", True), (bob, "devices/+/x", False), (ada, "$SYS/#", True), (bob, "$SYS/#", False),
        (ada, "$share/g/news/#", True), (bob, "$share/g/ada/x", False), (ada, "$share/g/$SYS/#", True),
    ]:
        codes = who.subscribe(topic, qos=1)
        assert codes == ([1] if is_allowed else [refused]), topic
    ada.publish("news/ada", b"1", qos=1)
    assert bob.receive().payload == b"1"
    ada.publish("ada/y", b"2", qos=1)
    topics = sorted(ada.receive().topic for _ in range(3))  # news/#, the shared one, ada/#
    assert topics == ["ada/y", "news/ada", "news/ada"]


def test_a_publish_that_is_not_allowed_reaches_nobody(guarded, client):
    broker = guarded()
    reader = client(broker, username="ada", password="a")
    reader.subscribe("ada/#", qos=1)
    five = client(broker, version=5, username="bob", password="b")
    assert five.publish("ada/x", b"no", qos=1) == NOT_AUTHORIZED
    four = client(broker, version=4, username="bob", password="b")
    four.paho.publish("ada/x", b"no", qos=1)  # 3.1.1 has no code for it: the connection ends
    four.wait_for_disconnect()
    reader.publish("ada/x", b"yes", qos=1)
    assert reader.receive().payload == b"yes"
    assert broker.metrics()("mqtt_publish_auth_error") >= 1


@pytest.mark.parametrize("version", PROTOCOLS)
def test_a_will_must_be_allowed(guarded, client, version):
    broker = guarded()
    will = {"topic": "news/bob", "payload": b"gone", "qos": 1}
    assert code(client, broker, version, username="bob", password="b", will=will) == NOT_AUTHORIZED
    reader = client(broker, client_id="r", username="ada", password="a")
    reader.subscribe("news/#", qos=1)
    dying = client(
        broker, version=version, client_id="w", username="ada", password="a", will={**will, "topic": "news/ada"})
    assert dying.code == 0
    dying.cut()
    assert reader.receive().payload == b"gone"


def test_mosquitto_gets_in_and_is_refused(guarded):
    broker = guarded()
    reader = mosquitto.subscribe(broker, "-u", "ada", "-P", "a", "-t", "ada/#", "-C", "1")
    mosquitto.publish(broker, "-u", "ada", "-P", "a", "-t", "ada/x", "-m", "hello", "-q", "1")
    assert mosquitto.output(reader) == b"hello\n"
    for arguments in [["-u", "ada", "-P", "x"], ["-u", "eve", "-P", "a"], []]:
        with pytest.raises(subprocess.CalledProcessError):
            mosquitto.publish(broker, *arguments, "-t", "ada/x", "-m", "hello")


def test_mountpoints_stand_in_patterns(guarded, client):
    broker = guarded({"listener.tcp.red": "127.0.0.1:0", "listener.tcp.red.mountpoint": "red"})
    red = client(broker, listener="red", username="bob", password="b")
    plain = client(broker, username="bob", password="b")
    assert red.subscribe("tenant/red/#", qos=1) == [1]
    assert red.subscribe("tenant/blue/#", qos=1) == [NOT_AUTHORIZED]
    assert plain.subscribe("tenant/red/#", qos=1) == [NOT_AUTHORIZED]


def test_files_are_read_again_under_traffic(guarded, client):
    broker = guarded()
    writer = client(broker, version=5, client_id="w", username="ada", password="a")
    answers, ends = [], threading.Event()

    def publish():
        while not ends.is_set():
            answers.append(writer.publish("ada/x", b"x", qos=1))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        wait_until("messages pass", lambda: len(answers) > 20)
        assert not any(one >= 0x80 for one in answers)
        before = loads(broker, "vmq_acl")
        write(broker.acl, "user bob\ntopic ada/#\n")
        wait_until("the rules are read", lambda: loads(broker, "vmq_acl") > before)
        wait_until("messages are refused", lambda: answers[-1] == NOT_AUTHORIZED)
        write(broker.acl, "topic ada/#\n")
        wait_until("messages pass again", lambda: answers[-1] < 0x80)
    finally:
        ends.set()
        thread.join()
    # Who is connected stays when users change.
    write(broker.passwd, line("eve", "e"))
    wait_until("the users are read", lambda: loads(broker, "vmq_passwd") > 1)
    wait_until("eve gets in", lambda: client(broker, username="eve", password="e").code == 0)
    assert client(broker, username="ada", password="a").code == BAD_CREDENTIALS
    assert writer.publish("ada/x", b"x", qos=1) < 0x80
    broker.passwd.unlink()
    wait_until(
        "the file is missed",
        lambda: broker.metrics()("plugin_file_loads_total", plugin="vmq_passwd", result="failed") > 0)
    assert client(broker, username="eve", password="e").code == 0
    broker.may_log_errors = True


def test_another_file_is_read_at_once_when_it_is_set(guarded, client, tmp_path):
    broker = guarded({"vmq_acl.acl_reload_interval": 0})
    admin = Admin(broker)
    ada = client(broker, version=5, username="ada", password="a")
    assert ada.publish("other", b"x", qos=1) == NOT_AUTHORIZED
    other = tmp_path / "other"
    other.write_text("topic other\n")
    admin("set", f"vmq_acl.acl_file={other}")
    wait_until("it may", lambda: ada.publish("other", b"x", qos=1) < 0x80)
    assert ada.subscribe("ada/#", qos=0) == [NOT_AUTHORIZED]


def test_lax_comparison_is_a_setting(guarded, client):
    broker = guarded()
    broker.acl.write_text("topic read a/+\ntopic read #/x\n")
    admin = Admin(broker)
    reader = client(broker, version=5, username="ada", password="a")
    wait_until("the rules are read", lambda: loads(broker, "vmq_acl") > 1)
    assert reader.subscribe("a/#", qos=0) == [NOT_AUTHORIZED]
    admin("set", "vmq_acl.strict_subscribe=off")
    wait_until("it may", lambda: reader.subscribe("a/#", qos=0) == [0])


def test_without_a_plugin_for_topics_nothing_may_be_used(guarded, client):
    broker = guarded({"plugins.vmq_acl": "off"})
    ada = client(broker, version=5, username="ada", password="a")
    assert ada.publish("a", b"x", qos=1) == NOT_AUTHORIZED
    assert ada.subscribe("a", qos=0) == [NOT_AUTHORIZED]
    Admin(broker)("set", "allow_all_topics=on")
    wait_until("it may", lambda: ada.publish("a", b"x", qos=1) < 0x80)


def test_plugins_come_and_go(guarded, client):
    broker = guarded()
    admin = Admin(broker)
    rows = admin("plugin show").rows
    assert [row["Plugin"] for row in rows] == ["vmq_acl", "vmq_passwd"]
    assert rows[0]["Hook(s)"] == "auth_on_publish\nauth_on_subscribe\nauth_on_publish_m5\nauth_on_subscribe_m5\n"
    assert rows[1]["M:F/A"] == "vmq_passwd:auth_on_register/5\nvmq_passwd:auth_on_register_m5/6\n"
    assert "already_enabled" in admin("plugin enable", "--name=vmq_acl").alert
    admin.done("plugin disable", "--name=vmq_passwd")
    assert "plugin_not_found" in admin("plugin disable", "--name=vmq_passwd").alert
    wait_until("nobody gets in", lambda: client(broker, username="ada", password="a").code == BAD_CREDENTIALS)
    admin.done("plugin enable", "--name=vmq_passwd")
    wait_until("ada gets in", lambda: client(broker, username="ada", password="a").code == 0)
    assert [row["Plugin"] for row in admin("plugin show").rows] == ["vmq_acl", "vmq_passwd"]
    assert [row["Plugin"] for row in admin("plugin show", "--hook=auth_on_register").rows] == ["vmq_passwd"]
    calls = admin("plugin show", "--plugin=vmq_passwd", "--calls").rows[0]
    assert calls["Order"] == 2 and calls["Entries"] == 2 and sum(map(int, calls["Allowed"].split())) >= 1


def test_a_listener_names_its_plugins(guarded, client):
    broker = guarded({
        "listener.tcp.other": "127.0.0.1:0", "listener.tcp.other.auth_plugins": "vmq_acl",
        "listener.tcp.open": "127.0.0.1:0", "listener.tcp.open.allow_anonymous_override": "on",
        "listener.tcp.open.authz_plugins": "[vmq_passwd]",
    })
    assert client(broker, username="ada", password="a").code == 0
    # vmq_acl says nothing of who may connect.
    assert client(broker, listener="other", username="ada", password="a").code == BAD_CREDENTIALS
    guest = client(broker, listener="open", version=5)
    assert guest.code == 0
    assert guest.subscribe("news/x", qos=0) == [NOT_AUTHORIZED]
    assert guest.publish("news/ada", b"x", qos=1) == NOT_AUTHORIZED


def test_a_file_that_is_named_and_not_there_keeps_the_broker_from_starting(binary, tmp_path):
    for key in ["vmq_passwd.password_file", "vmq_acl.acl_file"]:
        config = tmp_path / "vernemq.conf"
        config.write_text(f"listener.tcp.a = 127.0.0.1:0\nlistener.http.a = 127.0.0.1:0\n{key} = {tmp_path}/none\n")
        ended = subprocess.run(
            [binary, "start", "--config", config], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)
        assert ended.returncode == 1 and f"{tmp_path}/none: No such file" in ended.stderr


def test_who_fails_too_often_is_banned_for_a_time(guarded, client):
    broker = guarded({"auth_failures.max": 3, "auth_failures.ban_time": 3600})
    admin = Admin(broker)
    for _ in range(3):
        assert client(broker, version=5, username="ada", password="x").code == BAD_CREDENTIALS
    assert client(broker, version=5, username="ada", password="a").code == 0x8A  # banned
    row = {row["kind"]: row for row in admin("auth failures show").rows}["address"]
    assert (row["name"], row["failures"]) == ("127.0.0.1", 3) and row["banned_s"] > 3500
    assert admin("auth failures show", "--banned").rows == [row] or row["banned_s"] > 0
    numbers = broker.metrics()
    assert (numbers("auth_bans_total"), numbers("auth_banned_connects_total")) == (1, 1)
    assert admin("auth failures clear", "--address=127.0.0.1").rows == [{"cleared": 1}]
    assert client(broker, version=5, username="ada", password="a").code == 0


def test_refusals_come_later_each_time(guarded, client):
    broker = guarded({"auth_failures.delay": 100})
    for _ in range(6):
        assert client(broker, version=5, username="eve", password="x").code == BAD_CREDENTIALS
    assert broker.metrics()("auth_failures_delayed_total") == 6
    assert client(broker, version=5, username="ada", password="a").code == 0


def test_the_linter_says_what_is_wrong_with_a_file(guarded, tmp_path):
    broker = guarded()
    broker.acl.write_text("topic read a/+\nnonsense\n")
    found = Admin(broker)("acl check")
    assert [(row["line"], row["level"]) for row in found.rows] == [(1, "warning"), (2, "error")]
    assert "nonsense" in found.rows[1]["finding"]
    secret = tmp_path / "secret"
    secret.write_text("the password is swordfish\n")
    other = Admin(broker)("acl check", f"file={secret}")
    assert other.rows[0]["level"] == "error" and "swordfish" not in str(other.json)
