"""Counts what each message costs a broker, and holds it against what is recorded. script/budgets runs it."""

import argparse
import json
import pathlib
import re
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "clients"))

from callgrind import ALLOCATORS, REFERENCES, demangled
from counted import CannotCountError, CountedBroker, Program
from paths import PATHS, Counts

ROOT = HERE.parent.parent
RECORD = HERE / "recorded.json"
PAGE = ROOT / "docs" / "performance.md"
# By so much a count may grow: a twentieth, or one where there are few.
LARGEST_GROWTH = 1.05
FEW, LARGEST_GROWTH_OF_FEW = 20, 1
# Rounds before those that count, in which tables and buffers get their size.
REHEARSALS = 20
SHOWN_CALLERS = 20
TITLES = Counts("instructions", "retain + release", "allocations")
COLUMNS = "{:18} {:8}" + 3 * " {:>9} {:>9} {:>7}"


def main():
    parser = argparse.ArgumentParser(prog="script/budgets", description=__doc__)
    parser.add_argument("broker")
    parser.add_argument("--only", default="", help="paths whose name holds this")
    parser.add_argument("--callers", default="", metavar="PATH", help="this path alone, and who pays")
    parser.add_argument("--record", action="store_true", help="from now on it may cost what is counted now")
    options = parser.parse_args()
    chosen = [each for each in PATHS if options.only in each.name and options.callers in ("", each.name)]
    if not chosen:
        print(f"script/budgets: no such path; there are {', '.join(each.name for each in PATHS)}", file=sys.stderr)
        return 2
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    print(COLUMNS.format("", "", *(text for title in TITLES for text in ("", "", title))).rstrip())
    print(COLUMNS.format("path", "for each", *3 * ("counted", "recorded", "bar")))
    failed = counted = within = shrunk = 0
    with tempfile.TemporaryDirectory(prefix="budgets-") as folder:
        program = Program(pathlib.Path(options.broker).resolve(), pathlib.Path(folder))
        for path in chosen:
            try:
                profile, units = count(path, program)
            except CannotCountError as error:
                print(f"script/budgets: nothing was counted: {error}", file=sys.stderr)
                return 3
            except (AssertionError, OSError) as error:
                print(f"{path.name}\n    FAILED: {type(error).__name__}: {error}", flush=True)
                failed += 1
                continue
            counts = Counts(
                round(profile.instructions / units),
                *(round(sum(profile.callers(each).values()) / units, 2) for each in (REFERENCES, ALLOCATORS)))
            before = Counts(**record[path.name]) if path.name in record else None
            record[path.name] = counts._asdict()
            show(path, counts, before)
            counted += len(counts)
            within += sum(each <= bar for each, bar in zip(counts, path.bar))
            if not options.record:
                failed += complain(counts, before)
                shrunk += bool(before) and any(map(has_grown, counts, before))
            if options.callers:
                show_callers(profile, units)
    print(f"{within} of {counted} counts are within their bars")
    if shrunk:
        print(f"{shrunk} of {len(chosen)} paths cost less than is recorded; script/budgets --record keeps it so")
    if options.record and not failed:
        write(record)
    return 1 if failed else 0


def count(path, program):
    """(what callgrind says of one path, for how many messages)."""
    with tempfile.TemporaryDirectory(prefix="budgets-") as folder:
        broker = CountedBroker(program, pathlib.Path(folder), path.traffic.settings(pathlib.Path(folder)))
        try:
            broker.wait_until_ready()
            traffic = path.traffic(broker)

            def rounds(count):
                for _ in range(count):
                    traffic.round()

            rounds(REHEARSALS)
            return broker.count(lambda: rounds(path.rounds)), path.rounds * traffic.units
        finally:
            broker.kill()


def show(path, counts, before):
    cells = []
    for value, was, bar in zip(counts, before or (None, None, None), path.bar):
        cells += [number(value), "–" if was is None else number(was), number(bar)]
    print(COLUMNS.format(path.name, path.unit, *cells), flush=True)


def number(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def complain(counts, before):
    """Says what costs more than is recorded, and by how much; whether anything does."""
    if not before:
        print("    NOT RECORDED: script/budgets --record does it")
        return True
    grown = [each for each in zip(TITLES, before, counts) if has_grown(*each[1:])]
    for title, was, value in grown:
        print(f"    GROWN: {title} by {number(value - was)}" + (f", {value / was - 1:.1%}" if was else ""))
    return bool(grown)


def has_grown(was, value):
    return value > (was * LARGEST_GROWTH if was >= FEW else was + LARGEST_GROWTH_OF_FEW)


def write(record):
    """Records it, and writes it into the page that people read."""
    RECORD.write_text(json.dumps({each.name: record[each.name] for each in PATHS if each.name in record}, indent=4) + "\n")
    page = PAGE.read_text()
    for path in PATHS:
        if path.name in record:
            counts = Counts(**record[path.name])
            cells = [f"{number(value)} / {number(bar)}" for value, bar in zip(counts, path.bar)]
            page = re.sub(
                rf"^\| `{path.name}` \|.*", f"| `{path.name}` | {path.unit} | {' | '.join(cells)} |", page, flags=re.MULTILINE)
    PAGE.write_text(page)
    print(f"recorded in {RECORD.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")


def show_callers(profile, units):
    for title, found in (
        ("instructions of their own", profile.spent), ("retain + release, by caller", profile.callers(REFERENCES)),
        ("allocations, by caller", profile.callers(ALLOCATORS)),
    ):
        print(f"\n{title}")
        top = [(name, count / units) for name, count in found.most_common(SHOWN_CALLERS) if count / units >= 0.005]
        for (_, share), name in zip(top, demangled([name for name, _ in top])):
            print(f"{share:10,.2f}  {name}")
    print()


if __name__ == "__main__":
    sys.exit(main())
