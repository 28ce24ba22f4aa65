"""Writes the dashboards, rules, their promtool tests and the runbooks from the catalogue of metrics."""

import argparse
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import alert  # noqa: E402
from boards import BOARDS  # noqa: E402
from catalogue import Catalogue, QueryError  # noqa: E402
from rules import ALERTS, RECORDING  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]{0,99}")
HEAD = "# Written by script/dashboards; change dashboards/source."


def titles():
    """Board → the titles of its panels, and under "" its own."""
    return {board.name: {"": board.title} | {item.title: True for item in board.items} for board in BOARDS}


def dashboards(catalogue, prefix):
    for board in BOARDS:
        text = json.dumps(board.json(catalogue, prefix), indent=2, ensure_ascii=False)
        yield f"dashboards/vernemq-{board.name}.json", text + "\n"


def recording(catalogue, prefix):
    parts = [HEAD + "\n# Alerts of alerts.yml use them: load both.\ngroups:\n"]
    for name, comment, rules in RECORDING:
        parts.append(f"  # {comment}\n  - name: {name}\n    rules:\n")
        for record, expression, text in rules:
            rule = {
                "record": record.replace("PREFIX_", prefix), "expr": catalogue.expand(expression, prefix)}
            parts.append(f"      # {text}\n" + alert.yaml([rule], 3))
    return "".join(parts)


def alerts(catalogue, prefix, pages):
    parts = [HEAD + f"\n# They look for the job {alert.JOB}, and need recording.yml. Each has a page: runbook_url.\ngroups:\n"]
    for name, comment, rules in ALERTS:
        parts.append(f"  # {comment}\n  - name: {name}\n    rules:\n")
        parts += [alert.yaml([each.rule(catalogue, prefix, pages)], 3) for each in rules]
    return "".join(parts)


def promtool_tests(prefix, pages):
    for name, _, rules in ALERTS:
        file = {
            "rule_files": ["../recording.yml", "../alerts.yml"], "evaluation_interval": "1m",
            "tests": [test for each in rules for test in each.tests(prefix, pages)]}
        yield f"dashboards/tests/{name}.yml", f"{HEAD}\n# promtool test rules\n" + alert.yaml(file)


def runbooks(catalogue, prefix):
    lines = ["# Runbooks\n\n<!-- Written by script/dashboards; change dashboards/source/rules. -->\n\n"
             "One page for each alert of [alerts.yml](../../dashboards/alerts.yml): what it means, which commands to run, and "
             "what to do.\nCommands are meant for the broker's machine; `CLIENT` stands for a client's id, `FILE` for the "
             "configuration, and\n`127.0.0.1:8888` for an HTTP listener. `critical` wakes somebody, `warning` waits for the "
             "morning.\n"]
    for _, comment, rules in ALERTS:
        lines.append(f"\n## {comment.rstrip('.?')}\n\n| alert | severity | says |\n| --- | --- | --- |\n")
        for each in rules:
            lines.append(f"| [{each.name}]({each.name}.md) | {each.severity} | {each.means.split('. ')[0].rstrip('.')} |\n")
            yield f"{alert.RUNBOOKS}/{each.name}.md", each.page(catalogue, prefix, titles())
    yield f"{alert.RUNBOOKS}/README.md", "".join(lines)


def files(prefix, pages):
    """Path below the root → text, of all that is generated."""
    catalogue = Catalogue((ROOT / "docs" / "metrics.md").read_text())
    return {
        **dict(dashboards(catalogue, prefix)),
        "dashboards/recording.yml": recording(catalogue, prefix),
        "dashboards/alerts.yml": alerts(catalogue, prefix, pages),
        **dict(promtool_tests(prefix, pages)),
        **dict(runbooks(catalogue, prefix)),
    }


def written(folder):
    """What lies below `folder` and might be generated."""
    patterns = ("dashboards/*.json", "dashboards/*.yml", "dashboards/tests/*.yml", f"{alert.RUNBOOKS}/*.md")
    return {str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern)}


def check(wanted, folder):
    """The exit status: 1 when a file is stale, missing, or nobody's."""
    stale = [name for name, text in wanted.items()
             if not (folder / name).is_file() or (folder / name).read_text() != text]
    unknown = sorted(written(folder) - set(wanted))
    for name in stale:
        print(f"script/dashboards: {name} is stale; run script/dashboards", file=sys.stderr)
    for name in unknown:
        print(f"script/dashboards: {name} is written by nothing; remove it", file=sys.stderr)
    return 1 if stale or unknown else 0


def namespace(text):
    if text and not NAMESPACE.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no prefix of metrics: 1 to 100 of A-Z a-z 0-9 _ : are allowed, the first no digit")
    return text


def main():
    parser = argparse.ArgumentParser(prog="script/dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when a file is stale")
    parser.add_argument(
        "--prefix", type=namespace, default="vernemq_", help="prometheus_namespace of the brokers (default: vernemq_)")
    parser.add_argument("--job", default=alert.JOB, help="the job under which they are scraped (default: vernemq)")
    parser.add_argument(
        "--runbooks", default=alert.RUNBOOKS, metavar="URL", help="where alerts find their pages (default: docs/runbooks)")
    parser.add_argument(
        "--output", type=pathlib.Path, default=ROOT, metavar="FOLDER", help="where to write (default: this checkout)")
    arguments = parser.parse_args()
    alert.JOB = arguments.job
    try:
        wanted = files(arguments.prefix, arguments.runbooks.rstrip("/"))
    except (QueryError, KeyError) as error:
        print(f"script/dashboards: {error}", file=sys.stderr)
        return 1
    if arguments.check:
        return check(wanted, arguments.output)
    for name, text in wanted.items():
        path = arguments.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in written(arguments.output) - set(wanted) if arguments.output == ROOT else ():
        (arguments.output / name).unlink()
    print(f"{len(wanted)} files written below {arguments.output}")
    return 0


sys.exit(main())
