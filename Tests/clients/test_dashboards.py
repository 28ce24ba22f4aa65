"""The files of dashboards/ and docs/runbooks: their form, and what promtool says."""

import itertools
import json
import re
import shutil
import subprocess
import sys

import pytest

from dashboard_files import BOARDS, FOLDER, ROOT, RULES, RUNBOOKS, panels, rules
from waiting import DEADLINE

# Identifiers of Grafana's units, those that make sense here.
UNITS = {
    "none", "short", "percent", "percentunit", "s", "ms", "bytes", "decbytes", "Bps", "binBps", "ops", "reqps", "cps",
    "mps", "pps", "dtdurations"}
KINDS = {"stat", "timeseries", "heatmap", "table", "row"}
SCHEMA = 39


def documented():
    """The names in docs/metrics.md, and the kind of each."""
    return dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", (ROOT / "docs/metrics.md").read_text(), re.M))


def run(*command, **options):
    return subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(params=BOARDS, ids=lambda path: path.stem)
def board(request):
    return json.loads(request.param.read_text())


def complaints(board):
    """What is wrong with a dashboard's JSON."""
    found = []
    if board["schemaVersion"] != SCHEMA or "vernemq" not in board["tags"]:
        found.append("schemaVersion or tag")
    numbers = [panel["id"] for panel in board["panels"]]
    if len(set(numbers)) < len(numbers):
        found.append("a panel's id twice")
    variables = {each["name"]: each for each in board["templating"]["list"]}
    if list(variables) != ["datasource", "job", "node"] or variables["datasource"]["query"] != "prometheus":
        found.append(f"variables {list(variables)}")
    for one, other in itertools.combinations([panel["gridPos"] for panel in board["panels"]], 2):
        if (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
                and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]):
            found.append(f"panels at {one} and {other} overlap")
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] < 0 or place["x"] + place["w"] > 24 or place["h"] < 1 or panel["type"] not in KINDS:
            found.append(f"{panel['title']}: place or kind")
    titles = [panel["title"] for panel in panels(board)]
    if len(set(titles)) < len(titles):
        found.append("a title twice")
    for panel in panels(board):
        found += [f"{panel['title']}: {what}" for what in panel_complaints(panel)]
    return found


def panel_complaints(panel):
    found = []
    source = {"type": "prometheus", "uid": "${datasource}"}
    if len(panel["description"]) < 20 or not panel["description"].rstrip().endswith("."):
        found.append("its description says nothing")
    units = [panel["fieldConfig"]["defaults"]["unit"]]
    units += [each["value"] for one in panel["fieldConfig"]["overrides"] for each in one["properties"] if each["id"] == "unit"]
    found += [f"unit {unit}" for unit in units if unit not in UNITS]
    if panel["datasource"] != source or any(target["datasource"] != source for target in panel["targets"]):
        found.append("data source")
    references = [target["refId"] for target in panel["targets"]]
    if not references or len(set(references)) < len(references):
        found.append(f"refIds {references}")
    legends = [target["legendFormat"] for target in panel["targets"]]
    if not all(legends) or len(set(legends)) < len(legends):
        found.append(f"legends {legends}")
    names = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    if panel["type"] != "table" and not names <= set(legends):
        found.append(f"colours for {names - set(legends)}, which are no legends")
    known = documented()
    for target in panel["targets"]:
        for name in re.findall(r"vernemq_(\w+)", target["expr"]):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            if name not in known and known.get(base) != "histogram":
                found.append(f"no metric {name}")
        if "vernemq_" in target["expr"] and 'job=~"$job",node=~"$node"' not in target["expr"]:
            found.append("a query for all nodes")
    return found


def test_a_dashboard_has_the_form_that_grafana_reads(board):
    assert complaints(board) == []


@pytest.mark.parametrize("path, value, says", [
    (["schemaVersion"], 1, "schemaVersion"), (["panels", 2, "id"], 1, "id twice"),
    (["panels", 2, "gridPos", "x"], 0, "overlap"), (["panels", 2, "fieldConfig", "defaults", "unit"], "parsecs", "unit"),
    (["panels", 2, "targets", 0, "expr"], "sum(vernemq_no_such_thing)", "no metric"),
    (["panels", 2, "targets", 0, "expr"], "sum(vernemq_sessions)", "all nodes"),
    (["panels", 2, "targets", 0, "datasource"], {"type": "prometheus", "uid": "x"}, "data source"),
    (["panels", 2, "description"], "", "description"), (["templating", "list"], [], "variables"),
])
def test_a_mistake_in_a_dashboard_is_found(path, value, says):
    board = json.loads((FOLDER / "vernemq-node.json").read_text())
    place = board
    for each in path[:-1]:
        place = place[each]
    place[path[-1]] = value
    assert any(says in each for each in complaints(board)), complaints(board)


def test_a_line_has_one_colour_on_all_dashboards():
    colours = {}
    for path in BOARDS:
        for panel in panels(json.loads(path.read_text())):
            for each in panel["fieldConfig"]["overrides"]:
                for one in each["properties"]:
                    if one["id"] == "color":
                        colours.setdefault(each["matcher"]["options"], set()).add(one["value"]["fixedColor"])
    assert len(colours) > 30
    assert {name: found for name, found in colours.items() if len(found) > 1} == {}


def test_dashboards_know_each_other():
    uids = [json.loads(path.read_text())["uid"] for path in BOARDS]
    assert len(set(uids)) == len(uids) == 7
    text = "".join(path.read_text() for path in BOARDS)
    assert set(re.findall(r"/d/([\w-]+)", text)) <= set(uids)


def test_promtool_accepts_the_rules():
    result = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", sorted(FOLDER.glob("tests/*.yml")), ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path):
    result = run("promtool", "test", "rules", path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_has_both_cases_and_a_page():
    names = [name for kind, name, _ in rules() if kind == "alert"]
    assert len(names) == len(set(names)) > 50
    cases = "".join(path.read_text() for path in FOLDER.glob("tests/*.yml"))
    index = (RUNBOOKS / "README.md").read_text()
    for name in names:
        assert f"{name} fires\"" in cases and f"{name} does not fire\"" in cases
        page = (RUNBOOKS / f"{name}.md").read_text()
        assert "\n## Look\n\n```sh\n" in page and "\n## Do\n\n1. " in page and f"]({name}.md)" in index
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(names)
    text = "".join(path.read_text() for path in RUNBOOKS.glob("*.md"))
    targets = set(re.findall(r"\]\(([^)#]+)", text))
    assert {target for target in targets if not (RUNBOOKS / target).exists()} == set()


def test_promtool_sees_a_broken_alert(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "dashboards", ignore=shutil.ignore_patterns("source"))
    alerts = tmp_path / "dashboards" / "alerts.yml"
    alerts.write_text(alerts.read_text().replace("loop_stalled[1m]) > 0", "loop_stalled[1m]) > 2"))
    assert run("promtool", "test", "rules", tmp_path / "dashboards" / "tests" / "vernemq-loops.yml").returncode != 0


def write(folder, *options):
    result = run(sys.executable, ROOT / "dashboards/source/main.py", "--output", folder, *options)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("prefix", ["mqtt:", "", "a_"])
def test_the_script_takes_another_prefix_and_job(tmp_path, prefix):
    status, says = write(tmp_path, "--prefix", prefix, "--job", "brokers", "--runbooks", "https://host/runbooks/")
    assert status == 0, says
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) > 60
    for path, text in written.items():
        assert path.suffix == ".md" or "vernemq_" not in text, path
    alerts = (tmp_path / "dashboards/alerts.yml").read_text()
    assert f"{prefix}store_failing" in alerts and 'job=\\"brokers\\"' in alerts
    assert "runbook_url: https://host/runbooks/VerneMQStoreFailing.md" in alerts
    assert run("promtool", "check", "rules", *(tmp_path / "dashboards").glob("*.yml")).returncode == 0
    result = run("promtool", "test", "rules", tmp_path / "dashboards/tests/vernemq-loops.yml")  # with recorded series
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_script_says_what_is_wrong(tmp_path):
    status, says = write(tmp_path, "--prefix", "9-")
    assert status == 2 and "'9-' is no prefix of metrics" in says and "a-z 0-9 _ :" in says
    assert write(tmp_path, "--check")[0] == 1
    assert write(tmp_path)[0] == 0 and write(tmp_path, "--check")[0] == 0
    (tmp_path / "dashboards/alerts.yml").write_text("groups: []\n")
    (tmp_path / "docs/runbooks/Left.md").write_text("")
    status, says = write(tmp_path, "--check")
    assert status == 1 and "dashboards/alerts.yml is stale; run script/dashboards" in says
    assert "docs/runbooks/Left.md is written by nothing" in says


def test_the_script_refuses_a_metric_that_is_not_there(tmp_path):
    shutil.copytree(ROOT / "dashboards", tmp_path / "dashboards")
    (tmp_path / "docs").mkdir()
    page = (ROOT / "docs/metrics.md").read_text()
    for line, says in (
        ("", "no metric store_failing in docs/metrics.md"), ("| `store_failing` | histogram | flag | – | x |\n", "store_failing")):
        (tmp_path / "docs/metrics.md").write_text(re.sub(r"\| `store_failing` .*\n", line, page))
        result = run(sys.executable, tmp_path / "dashboards/source/main.py")
        assert result.returncode == 1 and says in result.stderr, result.stderr
    (tmp_path / "docs/metrics.md").write_text(page.replace("`expired`, `offline_qos0`, `packet", "`expired`, `packet"))
    result = run(sys.executable, tmp_path / "dashboards/source/main.py")
    assert result.returncode == 1 and "message_drops_total has no reason=offline_qos0; it has queue_full" in result.stderr
