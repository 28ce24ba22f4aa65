"""Every command that a runbook names works against a broker."""

import re
import shlex
import subprocess

from dashboard_files import RUNBOOKS
from waiting import DEADLINE, wait_until

FENCE = re.compile(r"```sh\n(.*?)```", re.S)
INLINE = re.compile(r"`(vmq-admin [^`]+)`")
# In this order, at the end: they take away what others look at.
DESTRUCTIVE = ("queue purge", "session delete")
PROGRAMS = ("vmq-admin", "vernemq", "curl")


def commands():
    """Each command once, with its pages, in order."""
    found = {}
    for page in sorted(RUNBOOKS.glob("*.md")):
        text = page.read_text()
        lines = [line for fence in FENCE.findall(text) for line in fence.splitlines()] + INLINE.findall(text)
        for line in lines:
            found.setdefault(line, []).append(page.stem)
    last = [line for word in DESTRUCTIVE for line in found if word in line]
    return [line for line in found if line not in last] + last


def test_each_page_has_commands():
    assert len(commands()) > 60
    for page in RUNBOOKS.glob("VerneMQ*.md"):
        [fence] = FENCE.findall(page.read_text())
        assert len(fence.splitlines()) >= 1
        assert all(line.split()[0] in PROGRAMS for line in fence.splitlines()), page


def test_the_commands_of_the_runbooks_work(binary, broker, client):
    """As somebody would type them, with names for CLIENT, ADDRESS and FILE."""
    programs = str(binary).rsplit("/", 1)[0]
    both = client(broker, version=4, client_id="pump-1", clean=False)
    both.subscribe("a/#", 1)
    both.publish("a/b", b"x", 1)
    host, port = broker.address()
    pages = "{}:{}".format(*broker.address(protocol="http"))

    def filled(command):
        command = re.sub(r"\bCLIENT\b", "pump-1", command).replace("FILE", shlex.quote(str(broker.config)))
        command = command.replace("127.0.0.1:8888", pages).replace("=ADDRESS", f"={host}").replace("=PORT", f"={port}")
        return re.sub(r"=N\b", "=1000", command)

    def start(command):
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "VERNEMQ_SOCKET": str(broker.folder / "data" / "admin.sock")}
        return subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", filled(command)], cwd=broker.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def outcome(command):
        process = start(command)
        output, errors = process.communicate(timeout=DEADLINE)
        return process.returncode, output + errors

    failed = []
    for command in commands():
        if "store check" in command or "trace client" in command:
            continue
        status, says = outcome(command)
        # `head` may end before its source has said all.
        if status != 0 and not ("| head" in command and says):
            failed.append((command, status, says[-500:]))
    assert failed == []
    assert both.wait_for_disconnect() is not None  # by `session delete`

    # One goes on until it is ended, the other wants the broker stopped.
    traced = start("vmq-admin trace client client-id=CLIENT")
    wait_until("it traces", lambda: broker.metrics()("client_traces") == 1)
    assert outcome("vmq-admin trace stop_all")[0] == 0
    traced.communicate(timeout=DEADLINE)
    assert traced.returncode == 0
    assert broker.stop() == 0
    assert outcome("vernemq store check --config FILE")[0] == 0
