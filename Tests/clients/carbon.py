"""Debian's carbon-cache as a process: what it has received, as its own library reads it from its files."""

import json
import pathlib
import socket
import subprocess

from waiting import DEADLINE, wait_until

# The library is Debian's, so Debian's Python has it.
PYTHON = "/usr/bin/python3"
READ = """
import json, os, sys, time, whisper
found = {}
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        try:
            (start, end, step), values = whisper.fetch(path, int(time.time()) - 110)
        except (OSError, whisper.WhisperException):
            continue  # it is being made
        key = os.path.relpath(path, sys.argv[1])[:-len(".wsp")]
        points = [(start + index * step, value) for index, value in enumerate(values) if value is not None]
        if points:
            found[key] = points
json.dump(found, sys.stdout)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Carbon:
    """`port` takes lines. Each metric has a value for each of the last 120 seconds."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.port = free_port()
        (folder / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:2m\n")
        (folder / "carbon.conf").write_text(f"""
[cache]
STORAGE_DIR = {folder}
LOCAL_DATA_DIR = {folder}/whisper
CONF_DIR = {folder}
LOG_DIR = {folder}
PID_DIR = {folder}
USER =
DATABASE = whisper
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {self.port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {free_port()}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {free_port()}
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
CARBON_METRIC_INTERVAL = 0
ENABLE_TAGS = False
TAG_HASH_FILENAMES = False
""")
        with open(folder / "carbon.log", "wb") as log:
            self.process = subprocess.Popen(
                ["carbon-cache", f"--config={folder / 'carbon.conf'}", f"--pidfile={folder / 'carbon.pid'}", "--debug",
                 "start"], stdout=log, stderr=log, cwd=folder)

        def listens():
            assert self.process.poll() is None, (folder / "carbon.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                return False

        wait_until("carbon listens", listens)

    def points(self):
        """Key → [(seconds, value)], of all there is. A key is a path: `socket/open`."""
        result = subprocess.run(
            [PYTHON, "-c", READ, self.folder / "whisper"], capture_output=True, text=True, timeout=DEADLINE, check=True)
        return json.loads(result.stdout)

    def complaints(self):
        """Lines that it could not read."""
        return [
            line for line in (self.folder / "carbon.log").read_text().splitlines()
            if "invalid line" in line or "Traceback" in line
        ]

    def send(self, text):
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            connection.sendall(text)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE)
