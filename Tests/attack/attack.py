"""Attacks a broker as one client can, and prints what it cost. script/attack runs it."""

import argparse
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "clients"), str(HERE.parent / "crash")]

from attacks import ATTACKS
from scene import MIB, Scene
from waiting import wait_until

# Twice the input may cost so many times as much. What costs less than MEASURABLE seconds is not compared.
LARGEST_RATIO = 3.0
# In the short form, on a machine that may be busy with other things.
LARGEST_RATIO_SHORT = 8.0
MEASURABLE = 0.15
# Seconds. A turn is told by its bucket, so one of 10 ms may show as 10 or as the next bound.
LONGEST_TURN = 0.010
LONGEST_WAIT = 0.250
# The clock of a turn runs on while the system gives the processor to others; where a loop was kept waiting for so long,
# turns are not judged. What the broker itself makes long is long each time.
TRIES = 3
COLUMNS = "{:34} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9}  {}"


def main():
    parser = argparse.ArgumentParser(prog="script/attack", description=__doc__)
    parser.add_argument("broker")
    parser.add_argument("--short", action="store_true", help="a quarter of the size; times are shown and not judged")
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    options = parser.parse_args()
    program = str(pathlib.Path(options.broker).resolve())
    print(COLUMNS.format("attack", "size", "CPU ms", "ratio", "turn ms", "peak MiB", "left MiB", "wait ms", "starved"))
    failed = ran = 0
    for attack in ATTACKS:
        if options.only in attack.name:
            ran += 1
            failed += bool(run(program, attack, options.short))
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed or not ran else 0


def run(program, attack, is_short):
    """Complaints about the attack, which are printed too."""
    for left in reversed(range(TRIES)):
        complaints, delays = attempt(program, attack, is_short)
        if not delays or complaints or left == 0:
            break
        print(f"    {' and '.join(delays)} too long: once more", flush=True)
    complaints += [f"{delay} too long, {TRIES} times" for delay in delays]
    for complaint in complaints:
        print(f"    OVER: {complaint}", flush=True)
    return complaints


def attempt(program, attack, is_short):
    """(complaints, what took too long and may not be the broker's fault)."""
    complaints, delays = [], []
    cost = []
    size = attack.size // 4 if is_short and attack.open_files is None else attack.size
    for factor in (1, 2):
        with tempfile.TemporaryDirectory(prefix="attack-") as folder:
            scene, found = once(program, attack, size * factor, pathlib.Path(folder))
        complaints += found
        if scene is None:
            break
        reading = scene.reading
        cost.append(reading.cpu)
        ratio = cost[1] / cost[0] if factor == 2 and cost[0] >= MEASURABLE else None
        if ratio and ratio > (LARGEST_RATIO_SHORT if is_short else LARGEST_RATIO):
            complaints.append(f"twice the input cost {ratio:.1f} times as much")
        is_smaller = is_short and attack.open_files is None and not attack.follows_limit
        bound = attack.memory / 4 + 20 if is_smaller else attack.memory
        if reading.memory > bound * MIB:
            complaints.append(f"{reading.memory / MIB:.0f} MiB, bound {bound:.0f}")
        if not is_short and reading.turn > LONGEST_TURN and reading.starved < LONGEST_TURN:
            delays.append("a turn")
        if not is_short and reading.wait - reading.starved > LONGEST_WAIT:
            delays.append("the others' wait")
        print(
            COLUMNS.format(
                attack.name if factor == 1 else "", size * factor, f"{reading.cpu * 1000:.0f}",
                f"{ratio:.1f}" if ratio else "–", f"≤ {reading.turn * 1000:g}", f"{reading.memory / MIB:.1f}",
                f"{reading.left / MIB:.1f}", f"{reading.wait * 1000:.0f}",
                f"{reading.starved * 1000:.0f}"),
            flush=True)
    return list(dict.fromkeys(complaints)), list(dict.fromkeys(delays))


def once(program, attack, size, folder):
    """(scene, complaints) of one run; no scene when the broker or the attack failed."""
    complaints = []
    scene = Scene(program, folder, attack.settings, attack.open_files)
    try:
        attack.run(scene, size)
        if not scene.is_idle_wanted:
            complaints.append("the broker does not come to rest")
        if getattr(scene, "cut", 0):
            complaints.append(f"{scene.cut} innocent clients were cut")
        disk, largest = scene.disk(), getattr(scene, "largest_disk", None)
        if largest and disk > largest:
            complaints.append(f"{disk / MIB:.0f} MiB of disk, bound {largest / MIB:.0f}")
        rest = getattr(scene, "largest_rest", None)
        if rest and scene.reading.left > rest:
            complaints.append(f"{scene.reading.left / MIB:.0f} MiB were kept, bound {rest / MIB:.0f}")
        wait_until("the ledger accounts for all", lambda: not scene.broker.metrics().residuals())
        if scene.broker.stop() != 0:
            complaints.append("the broker did not end in peace")
        return scene, complaints
    except (AssertionError, OSError) as error:
        return None, [*complaints, f"{type(error).__name__}: {error}"]
    finally:
        scene.broker.kill()


if __name__ == "__main__":
    sys.exit(main())
