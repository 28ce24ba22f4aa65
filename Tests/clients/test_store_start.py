"""The message store at the start: what is wrong with it is said, and can be mended."""

import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

from broker import Broker, write_config
from disk import SOURCE
from test_disk import keeper
from waiting import DEADLINE

LAYOUT = b"\x00layout"


def refusal(binary, folder, settings=None):
    """What a broker says that does not start."""
    folder.mkdir(exist_ok=True)
    broker = Broker(binary, folder, {"log.console": "off", **(settings or {})})
    try:
        assert broker.wait_for_exit() == 1
    finally:
        broker.kill()
    return (folder / "stderr.log").read_text()


@pytest.fixture
def filled(start_broker, client):
    """A broker that was stopped with a session, 300 messages of some size for it and ten retained ones in its store."""
    broker = start_broker({"leveldb.write_buffer_size_min": "64KB"})
    keeper(broker, client).disconnect()
    publisher = client(broker)
    for number in range(300):
        publisher.send("kept", b"%d " % number + os.urandom(1000), 1)
    for number in range(10):
        publisher.publish(f"retained/{number}", b"x", 1, retain=True)
    broker.wait_for_metric("store_rows", 300, kind="copies")
    assert broker.stop() == 0
    return broker


def files(broker, pattern):
    found = sorted(broker.store_directory.glob(pattern), key=lambda path: path.stat().st_size)
    assert found, f"no {pattern}"
    return found


def flip(path):
    """Damages some bytes in the middle."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    for at in range(middle, min(middle + 40, len(data))):
        data[at] ^= 0xFF
    path.write_bytes(data)


DAMAGE = {
    "a table is damaged": lambda broker: flip(files(broker, "*.ldb")[-1]),
    "a table is missing": lambda broker: files(broker, "*.ldb")[-1].unlink(),
    "a table is empty": lambda broker: files(broker, "*.ldb")[-1].write_bytes(b""),
    "the manifest is damaged": lambda broker: flip(files(broker, "MANIFEST-*")[-1]),
    "the manifest is missing": lambda broker: files(broker, "MANIFEST-*")[-1].unlink(),
    "CURRENT is missing": lambda broker: (broker.store_directory / "CURRENT").unlink(),
    "CURRENT is empty": lambda broker: (broker.store_directory / "CURRENT").write_bytes(b""),
    "CURRENT is nonsense": lambda broker: (broker.store_directory / "CURRENT").write_bytes(b"nonsense\n"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_store_is_refused_and_can_be_repaired(filled, binary, client, what):
    DAMAGE[what](filled)
    found = filled.store("check")
    assert found.returncode == 1, found.stdout
    filled.launch()
    assert filled.wait_for_exit() == 1
    said = (filled.folder / "stderr.log").read_text()
    assert str(filled.store_directory.relative_to(filled.folder)) in said and "vernemq store repair" in said, said
    mended = filled.store("repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert filled.store("check").returncode == 0
    filled.launch()
    filled.wait_until_ready()
    if "table" not in what:
        back = keeper(filled, client)
        assert back.session_present
        assert [int(message.payload.split()[0]) for message in back.receive(300)] == list(range(300))
        assert filled.metrics()("retain_messages") == 10
    else:
        assert filled.metrics()("store_rows_loaded") > 0


def test_a_damaged_log_is_refused_and_can_be_repaired(start_broker, client):
    broker = start_broker()
    keeper(broker, client).disconnect()
    for number in range(100):
        client(broker).publish("kept", b"%d " % number + bytes(2000), 1)
    broker.kill()
    flip(files(broker, "*.log")[-1])
    assert broker.store("check").returncode == 1
    broker.launch()
    assert broker.wait_for_exit() == 1
    assert "vernemq store repair" in (broker.folder / "stderr.log").read_text()
    assert broker.store("repair").returncode == 0
    broker.launch()
    broker.wait_until_ready()
    reading = broker.metrics()
    assert reading("store_rows_loaded", kind="sessions") == 1
    assert 0 < reading("store_rows_loaded", kind="copies") < 100


def test_a_log_that_ends_in_the_middle_of_a_batch_is_no_damage(start_broker, client):
    broker = start_broker()
    keeper(broker, client).disconnect()
    for number in range(10):
        client(broker).publish("kept", b"%d" % number, 1)
    broker.kill()
    log = files(broker, "*.log")[-1]
    os.truncate(log, log.stat().st_size - 3)
    broker.launch()
    broker.wait_until_ready()
    assert [int(message.payload) for message in keeper(broker, client).receive(9)] == list(range(9))


def test_a_second_broker_on_the_same_directory_is_refused(broker, binary, tmp_path):
    said = refusal(binary, tmp_path / "second", {"platform_data_dir": broker.folder / "data"})
    assert str(broker.folder / "data") in said
    assert f"another broker, process {broker.process.pid}, uses the data folder" in said and "platform_data_dir" in said


def test_a_second_broker_on_the_same_store_is_refused(broker, binary, tmp_path):
    said = refusal(binary, tmp_path / "second", {"leveldb.data_root": broker.store_directory})
    assert str(broker.store_directory) in said
    assert "another broker, or vernemq store, uses this directory" in said and "platform_data_dir" in said


@pytest.mark.parametrize("command", ["check", "repair"])
def test_a_store_in_use_is_neither_checked_nor_repaired(broker, client, command):
    found = broker.store(command)
    assert found.returncode == 1
    assert "data/leveldb" in found.stderr and "another broker" in found.stderr
    assert keeper(broker, client).codes == [2]


def test_a_path_below_a_file_is_refused(binary, tmp_path):
    (tmp_path / "file").touch()
    said = refusal(binary, tmp_path / "broker", {"platform_data_dir": tmp_path / "file" / "x"})
    assert str(tmp_path / "file" / "x") in said and "Not a directory" in said
    assert "platform_data_dir" in said


def test_a_directory_without_permission_is_refused(binary):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as name:  # the test's own folder is closed to others
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        config = write_config(folder, {"platform_data_dir": folder / "data", "log.console": "off"})
        (folder / "data").mkdir(mode=0o755)
        program = folder / "vernemq"
        shutil.copy(binary, program)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "start", "--config", config],
            capture_output=True, text=True, timeout=DEADLINE, cwd=folder)
        assert done.returncode == 1, done.stderr
        assert f"{folder}/data" in done.stderr and "Permission denied" in done.stderr
        assert "user needs" in done.stderr


# Rows of others


@pytest.fixture
def put_row(tmp_path):
    program = tmp_path / "put_row"
    built = subprocess.run(["cc", "-o", program, SOURCE.parent / "put_row.c", "-lleveldb"], check=False)
    assert built.returncode == 0

    def put(directory, key, value):
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run([program, directory, key.hex(), value.hex()], check=True)

    return put


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def layout(version):
    value = b"\x01" + struct.pack("<I", version)
    return value + struct.pack("<I", crc32c(LAYOUT + value))


def test_a_later_layout_is_refused_and_left_alone(filled, binary, put_row):
    put_row(filled.store_directory, LAYOUT, layout(1))
    assert filled.store("check").returncode == 0
    put_row(filled.store_directory, LAYOUT, layout(4711))
    for command in ("check", "repair"):
        found = filled.store(command)
        assert found.returncode == 1
        assert "4711" in found.stderr and "data/leveldb" in found.stderr
    filled.launch()
    assert filled.wait_for_exit() == 1
    assert "4711" in (filled.folder / "stderr.log").read_text()
    put_row(filled.store_directory, LAYOUT, layout(1))
    filled.launch()
    filled.wait_until_ready()
    assert filled.metrics()("store_rows_loaded", kind="copies") == 300


def test_a_database_of_somebody_else_is_refused_and_left_alone(binary, put_row, tmp_path):
    folder = tmp_path / "broker"
    directory = folder / "data" / "leveldb"
    put_row(directory, b"somebody", b"else")
    said = refusal(binary, folder)
    assert "data/leveldb" in said and "platform_data_dir" in said, said
    for command in ("check", "repair"):
        done = subprocess.run(
            [binary, "store", command, "--config", folder / "vernemq.conf"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 1, done.stdout
    assert "data/leveldb" in refusal(binary, folder)


def test_a_directory_with_other_files_only_is_not_taken_for_a_lost_store(start_broker, binary, tmp_path):
    folder = tmp_path / "broker"
    directory = folder / "data" / "leveldb"
    directory.mkdir(parents=True)
    (directory / "000005.ldb").write_bytes(b"x" * 100)
    assert "vernemq store repair" in refusal(binary, folder)


def test_check_of_no_store_makes_none(binary, tmp_path):
    (tmp_path / "vernemq.conf").write_text("")
    done = subprocess.run(
        [binary, "store", "check", "--config", "vernemq.conf"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "data/leveldb" in done.stderr
    assert not (tmp_path / "data").exists()


# Memory


def test_a_store_in_memory_says_what_is_given_up_and_keeps_no_file_of_its_own(start_broker, client):
    broker = start_broker({"message_store": "memory"})
    assert "end with the process" in broker.log("message_store = memory")[0]["message"]
    keeper(broker, client).disconnect()
    assert client(broker).publish("kept", b"x", 1) == 0
    back = keeper(broker, client)
    assert back.session_present and back.receive().payload == b"x"
    back.disconnect()
    # The history of the status page is no message.
    files = {"admin.sock", "vernemq.pid"}
    assert set(os.listdir(broker.folder / "data")) - {"metric-history"} == files
    assert broker.stop() == 0
    assert os.listdir(broker.folder / "data") == ["metric-history"]
    broker.launch()
    broker.wait_until_ready()
    assert not keeper(broker, client).session_present
