"""What vmq-admin prints about a scene, as VerneMQ's does: layout, columns, words. Columns are in alphabetical order,
where VerneMQ has no order of its own, and queue_size is filled, which VerneMQ's is never."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from paho_client import properties
from waiting import DEADLINE, wait_until

NODE = "VerneMQ@127.0.0.1"
# (what is asked, what is printed); what differs from run to run is masked in both.
GOLDEN = [
    ("cluster show", f"""
+-------------------+---------+
| Node              | Running |
+-------------------+---------+
| {NODE} | true    |
+-------------------+---------+
"""),
    ("cluster show --format=json", f'{{"table":[{{"Node":"{NODE}","Running":true}}],"type":"table"}}\n'),
    ("show max_inflight_messages allow_anonymous retry_interval", f"""
+-------------------+-----------------------+-----------------+----------------+
| node              | max_inflight_messages | allow_anonymous | retry_interval |
+-------------------+-----------------------+-----------------+----------------+
| {NODE} | 20                    | on              | 20             |
+-------------------+-----------------------+-----------------+----------------+
"""),
    ("show max_inflight_messages --format=json",
     f'{{"table":[{{"node":"{NODE}","max_inflight_messages":20}}],"type":"table"}}\n'),
    ("set max_inflight_messages=30", 'max_inflight_messages set to "30"\n'),
    ("show max_inflight_messages --all", f"""
+-------------------+-----------------------+
| node              | max_inflight_messages |
+-------------------+-----------------------+
| {NODE} | 30                    |
+-------------------+-----------------------+
"""),
    ("session show --order=client_id", """
+-----------+-----------+------------+-----------+-----------+-------+
| client_id | is_online | mountpoint | peer_host | peer_port | user  |
+-----------+-----------+------------+-----------+-----------+-------+
| live4     | true      |            | 127.0.0.1 | PORT      | alice |
+-----------+-----------+------------+-----------+-----------+-------+
| live5     | true      |            | 127.0.0.1 | PORT      | bob   |
+-----------+-----------+------------+-----------+-----------+-------+
| off4      | false     |            | null      | null      | null  |
+-----------+-----------+------------+-----------+-----------+-------+
"""),
    ("session show --order=client_id --client_id --user --protocol --clean_session --is_plugin --deliver_mode --statename"
     " --num_sessions --offline_messages --online_messages --queue_size --waiting_acks --node", f"""
+---------------+-----------+--------------+-----------+-------------------+--------------+------------------+-----------------+----------+------------+-----------+-------+--------------+
| clean_session | client_id | deliver_mode | is_plugin | node              | num_sessions | offline_messages | online_messages | protocol | queue_size | statename | user  | waiting_acks |
+---------------+-----------+--------------+-----------+-------------------+--------------+------------------+-----------------+----------+------------+-----------+-------+--------------+
| false         | live4     | fanout       | false     | {NODE} | 1            | 0                | 0               | 4        | 0          | online    | alice | 0            |
+---------------+-----------+--------------+-----------+-------------------+--------------+------------------+-----------------+----------+------------+-----------+-------+--------------+
| false         | live5     | fanout       | false     | {NODE} | 1            | 0                | 0               | 5        | 0          | online    | bob   | 0            |
+---------------+-----------+--------------+-----------+-------------------+--------------+------------------+-----------------+----------+------------+-----------+-------+--------------+
| false         | off4      | fanout       | false     | {NODE} | 0            | 2                | 0               | null     | 2          | offline   | null  | null         |
+---------------+-----------+--------------+-----------+-------------------+--------------+------------------+-----------------+----------+------------+-----------+-------+--------------+
"""),
    ("session show --order=client_id --client_id --queue_pid --session_pid --queue_started_at --session_started_at", """
+-----------+-----------+------------------+-------------+--------------------+
| client_id | queue_pid | queue_started_at | session_pid | session_started_at |
+-----------+-----------+------------------+-------------+--------------------+
| live4     | PID       | TIME             | PID         | TIME               |
+-----------+-----------+------------------+-------------+--------------------+
| live5     | PID       | TIME             | PID         | TIME               |
+-----------+-----------+------------------+-------------+--------------------+
| off4      | PID       | TIME             | null        | null               |
+-----------+-----------+------------------+-------------+--------------------+
"""),
    ("session show --order=topic --client_id --topic --qos --rap --no_local", """
+-----------+----------+-----+-------+-------------------+
| client_id | no_local | qos | rap   | topic             |
+-----------+----------+-----+-------+-------------------+
| live5     | false    | 2   | false | $share/grp/jobs/# |
+-----------+----------+-----+-------+-------------------+
| live4     | null     | 1   | null  | news/#            |
+-----------+----------+-----+-------+-------------------+
| off4      | null     | 1   | null  | offline/#         |
+-----------+----------+-----+-------+-------------------+
| live4     | null     | 1   | null  | sport/+/score     |
+-----------+----------+-----+-------+-------------------+
"""),
    ("session show --order=payload --client_id --routing_key --msg_ref --msg_qos --dup --payload --is_offline=true", """
+-----------+-------+---------+--------------------------+---------+-------------+
| client_id | dup   | msg_qos | msg_ref                  | payload | routing_key |
+-----------+-------+---------+--------------------------+---------+-------------+
| off4      | false | 1       | REF                      | 0       | offline/zzz |
+-----------+-------+---------+--------------------------+---------+-------------+
| off4      | false | 1       | REF                      | 1       | offline/zzz |
+-----------+-------+---------+--------------------------+---------+-------------+
"""),
    ("session show --client_id=~live. --user --order=user", """
+-------+
| user  |
+-------+
| alice |
+-------+
| bob   |
+-------+
"""),
    ("session show --order=client_id --client_id --user --format=csv", "client_id,user\nlive4,alice\nlive5,bob\noff4,null\n"),
    ("session show --client_id=nosuch", ""),
    ("session show --client_id=off4 --client_id --is_online --format=json",
     '{"table":[{"client_id":"off4","is_online":false}],"type":"table"}\n'),
    ("session disconnect client-id=nosuch", "Done\n"),
    ("session reauthorize username=alice client-id=live4", "Unchanged\n"),
    ("metrics show --nosuch", 'Invalid key: "nosuch"\nFlags: --with-descriptions --aggregate --mqtt_version --reason_code --return_code\n'),
    ("plugin enable --name=nosuch", "Can't enable plugin: nosuch due to plugin_not_found\n"),
    ("plugin disable --name=nosuch", "Can't disable plugin: nosuch due to plugin_not_found\n"),
    ("retain show", """
+---------------+------------+
| payload       | topic      |
+---------------+------------+
| retained text | news/today |
+---------------+------------+
"""),
    ("retain show --topic --payload --mountpoint", """
+------------+---------------+------------+
| mountpoint | payload       | topic      |
+------------+---------------+------------+
|            | retained text | news/today |
+------------+---------------+------------+
"""),
    ("retain show --topic=news/today --payload", """
+---------------+
| payload       |
+---------------+
| retained text |
+---------------+
"""),
    ("retain show --format=json", '{"table":[{"payload":"retained text","topic":"news/today"}],"type":"table"}\n'),
    ("retain delete", "No valid topic given.\n"),
    ("retain delete --topic=nosuch", "Done\n"),
    ("retain delete-expired", """
+---------+
| expired |
+---------+
| 0       |
+---------+
"""),
    ("api-key show", ""),
    ("api-key add key=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 expires=2030-01-01T00:00:00", "ok\n"),
    ("api-key add key=ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "{error,key_already_exists}\n"),
    ("api-key delete key=nosuch", "{error,key_not_found}\n"),
    # A key cannot be read back, which is meant: VerneMQ prints it whole.
    ("api-key show", """
+-----------------+-------+---------------------+-------------+
| Key | Scope | Expires (UTC)       | has expired |
+---------+-------+---------------------+-------------+
| ABCDEF…MARK | mgmt | 2030-01-01 00:00:00 | false |
+---------+-------+---------------------+-------------+
"""),
    ("listener show", """
+------+---------+-----------+------+------------+-----------+--------------+-----------+
| type | status | address | port | mountpoint | max_conns | active_conns | all_conns |
+------+---------+-----------+------+------------+-----------+--------------+-----------+
| mqtt | running | 127.0.0.1 | PORT | | 10000 | 2 | 2 |
+------+---------+-----------+------+------------+-----------+--------------+-----------+
| http | running | 127.0.0.1 | PORT | | MAX | 0 | 0 |
+------+---------+-----------+------+------------+-----------+--------------+-----------+
"""),
    ("listener show --mqtt", """
+------+---------+-----------+------+------------+-----------+--------------+-----------+-------------------------------------------------+--------------------------+
| type | status  | address   | port | mountpoint | max_conns | active_conns | all_conns | allowed_protocol_versions                       | allow_anonymous_override |
+------+---------+-----------+------+------------+-----------+--------------+-----------+-------------------------------------------------+--------------------------+
| mqtt | running | 127.0.0.1 | PORT |            | 10000     | 2            | 2         | mqtt 3.1, mqtt 3.1.1, mqtt 5, mqtt 3.1 (bridge) | false                    |
+------+---------+-----------+------+------------+-----------+--------------+-----------+-------------------------------------------------+--------------------------+
| http | running | 127.0.0.1 | PORT |            | MAX       | 0            | 0         |                                                 |                          |
+------+---------+-----------+------+------------+-----------+--------------+-----------+-------------------------------------------------+--------------------------+
"""),
    ("listener start address=127.0.0.1 port=PORT", "Done\n"),
    ("listener stop address=127.0.0.1 port=PORT", "Done\n"), ("listener restart address=127.0.0.1 port=PORT", "Done\n"),
    ("listener delete address=127.0.0.1 port=PORT", "Done\n"),
    ("log show config", """
+---------+-------+-------------+------+
| logger  | level | type        | file |
+---------+-------+-------------+------+
| default | error | file        | FILE |
+---------+-------+-------------+------+
| console | info  | standard_io | -    |
+---------+-------+-------------+------+
"""),
    ("log level logger=default level=warning", "Done\n"),
    ("node status", """
+-------------------+-------+
| Status            | Value |
+-------------------+-------+
| num_online        | 2     |
+-------------------+-------+
| num_offline       | 1     |
+-------------------+-------+
| msg_in            | NUM   |
+-------------------+-------+
| msg_out           | NUM   |
+-------------------+-------+
| queue_in          | NUM   |
+-------------------+-------+
| queue_out         | NUM   |
+-------------------+-------+
| queue_drop        | 0     |
+-------------------+-------+
| queue_unhandled   | 0     |
+-------------------+-------+
| num_subscriptions | 4     |
+-------------------+-------+
| num_retained      | 1     |
+-------------------+-------+
| matches_local     | NUM   |
+-------------------+-------+
| matches_remote    | 0     |
+-------------------+-------+
| version           | NUM   |
+-------------------+-------+
"""),
    ("tls check", "All fine\n"),
    ("tls show", ""),
]


def masked(text):
    """Without what differs from run to run, and then without the widths that depend on it."""
    masked = text
    for pattern, word in [
        (r"\b\d{13}\b", "TIME"), (r"<\d+\.\d+\.\d+>", "PID"), (r"(?<=…)[0-9a-f]{8}", "MARK"),
        (r"\b[A-Za-z0-9+/]{22}==", "REF"), (r"(?<=\| )\S+/error\.log", "FILE"),
        (r"(?<=\| )((?:msg|queue)_(?:in|out) |matches_local|version)( +\| )[\d.]+", r"\1\2NUM"), (r"(?<=127\.0\.0\.1 \| )\d{4,5}\b", "PORT"),
        (r"(?<=\|)( +)\d+(?= +\| 0 +\| 0 )", r"\1MAX"),  # As many as the machine allows.
    ]:
        masked = re.sub(pattern, word, masked)
    if masked == text and not re.search("TIME|PID|PORT|MARK|REF|FILE|NUM", text):
        return text
    return re.sub(" +", " ", re.sub("-+", "-", masked))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def run(binary, broker):
    program = pathlib.Path(binary).with_name("vmq-admin")

    def run(line):
        result = subprocess.run(
            [program, f"--socket={broker.folder}/data/admin.sock", *line.split()], env={**os.environ, "TZ": "UTC"},
            capture_output=True, timeout=DEADLINE, text=True)
        return result.stdout + result.stderr

    return run


def test_a_scene_looks_as_in_verne_mq(broker, client, run):
    live4 = client(broker, version=4, client_id="live4", username="alice", clean=False)
    live4.subscribe("news/#", qos=1)
    live4.subscribe("sport/+/score", qos=1)
    live5 = client(
        broker, version=5, client_id="live5", username="bob", connect_properties=properties("CONNECT", SessionExpiryInterval=600))
    live5.subscribe("$share/grp/jobs/#", qos=2)
    client(broker, version=4, client_id="off4", clean=False).subscribe("offline/#", qos=1)
    assert run("session disconnect client-id=off4") == "Done\n"
    wait_until("it is offline", lambda: "off4" in run("session show --is_online=false --client_id"))
    for number in range(2):
        live5.publish("offline/zzz", b"%d" % number, qos=1)
    live5.publish("news/today", b"retained text", qos=1, retain=True)
    live4.receive()
    wait_until("its answer has come", lambda: "| 0 " in run("session show --client_id=live4 --waiting_acks"))
    port = free_port()
    for line, golden in GOLDEN:
        printed = run(line.replace("port=PORT", f"port={port}"))
        assert masked(printed) == masked(golden.lstrip("\n")), line
