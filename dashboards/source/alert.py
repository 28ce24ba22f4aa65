"""Alerts and recorded series: their rules, the page of each alert, and what promtool is to check.

To add an alert: write an `Alert` in one of the modules of `rules/`, with the page's text, the commands to run, a case
that fires it and one that does not; then run script/dashboards. Expressions name metrics by `@` as panels do, and
recorded series with `PREFIX_` in place of the prefix.
"""

import json
import re

# The job that the rules for a node that does not answer look for, and that the cases have.
JOB = "vernemq"
# Stands for the job in expressions and texts.
JOB_NAME = "JOB_NAME"
NODE = "a@host"
INSTANCE = "host:8888"
METRIC = re.compile(r"^@?(\w+)(?:\{(.*)\})?$")
RUNBOOKS = "docs/runbooks"
# (short window, long window, how many times as fast as the budget allows, how long it must hold)
FAST = ("5m", "1h", 14.4)
SLOW = ("30m", "6h", 6)
WINDOWS = ("5m", "30m", "1h", "6h")


class Case:
    """Series as promtool writes them (`0+1x60`: from 0, one more each minute, 60 times), and what they lead to.

    `says`: the summary of each alert that fires, with its labels beside those that all have. `raw` series are not
    given the labels of a scrape. """

    def __init__(self, series, at="20m", says=None, labels=None, raw=None):
        self.series, self.at, self.raw = series, at, raw or {}
        self.fires = [] if says is None else [(says, labels or {})]

    def also(self, says, labels):
        self.fires.append((says, labels))
        return self


class Alert:
    """One alert with its page.

    `scope`: the labels that the result has, `node` (job and node), `instance` (these and instance) or `job`.
    `means` and `notice`: what it is and what clients see. `look`: (command, what to see in it). `panels`:
    (dashboard, panel). `do`: what to do, in order.
    """

    def __init__(self, name, expression, hold, severity, summary, *, means, notice, look, panels, do, fires, quiet,
                 scope="node", comment=None):
        self.name, self.expression, self.hold, self.severity = name, expression, hold, severity
        self.summary, self.means, self.notice, self.look = summary, means, notice, look
        self.panels, self.do, self.fires, self.quiet, self.scope = panels, do, fires, quiet, scope
        self.comment = comment

    @property
    def description(self):
        return self.do[0]

    def query(self, catalogue, prefix):
        return catalogue.expand(self.expression, prefix).replace(JOB_NAME, JOB)

    def annotations(self, summary, pages):
        summary = summary.replace(JOB_NAME, JOB)
        return {"summary": summary, "description": self.description, "runbook_url": f"{pages}/{self.name}.md"}

    def rule(self, catalogue, prefix, pages):
        rule = {"alert": self.name, "expr": self.query(catalogue, prefix)}
        if self.hold:
            rule["for"] = self.hold
        return rule | {"labels": {"severity": self.severity}, "annotations": self.annotations(self.summary, pages)}

    # What promtool checks

    def tests(self, prefix, pages):
        for case in (self.fires, self.quiet):
            yield {
                "name": f"{self.name} {'fires' if case.fires else 'does not fire'}",
                "interval": "1m",
                "input_series": [
                    {"series": with_labels(name, prefix), "values": values} for name, values in case.series.items()
                ] + [{"series": name, "values": values} for name, values in case.raw.items()],
                "alert_rule_test": [{
                    "eval_time": case.at, "alertname": self.name,
                    "exp_alerts": [{
                        "exp_labels": {"severity": self.severity} | self.scope_labels() | labels,
                        "exp_annotations": self.annotations(says, pages)} for says, labels in case.fires]}],
            }

    def scope_labels(self):
        return {
            "job": {"job": JOB}, "node": {"job": JOB, "node": NODE},
            "instance": {"job": JOB, "node": NODE, "instance": INSTANCE},
            "scrape": {"job": JOB, "instance": INSTANCE}}[self.scope]

    # Its page

    def page(self, catalogue, prefix, titles):
        def bullets(items):
            return "\n".join(f"- {item}" for item in items)

        for board, panel in self.panels:
            if panel not in titles[board]:
                raise KeyError(f"{self.name} names the panel {panel!r}, which {board} does not have")
        commands = "\n".join(command for command, _ in self.look)
        seen = bullets(f"`{command}`: {what}" for command, what in self.look)
        panels = bullets(f"*{titles[board]['']}* → *{panel}*" for board, panel in self.panels)
        steps = "\n".join(f"{number}. {step}" for number, step in enumerate(self.do, start=1))
        held = f"for {self.hold}" if self.hold else "at once"
        return (
            f"# {self.name}\n\n<!-- Written by script/dashboards; change dashboards/source/rules. -->\n\n"
            f"{self.means}\n\n**Severity** {self.severity}, {held}. **Clients notice:** {self.notice}\n\n"
            f"```promql\n{self.query(catalogue, prefix)}\n```\n\n"
            f"## Look\n\n```sh\n{commands}\n```\n\n{seen}\n\nOn the dashboards:\n\n{panels}\n\n"
            f"## Do\n\n{steps}\n")


def with_labels(name, prefix):
    """`@socket_open{a="b"}` as a series that was scraped from the node of the cases; `up` has no label node."""
    series, own = METRIC.match(name).groups()
    common = {"job": JOB, "instance": INSTANCE} | ({} if series == "up" else {"node": NODE})
    text = ",".join([f'{label}="{value}"' for label, value in common.items()] + ([own] if own else []))
    return f"{prefix if name[0] == '@' else ''}{series}{{{text}}}"


def burns(numerator, windows, budget, threshold_floor):
    """Two windows that both burn the budget: the long one says that it matters, the short one that it goes on.

    `numerator`: recorded name without its window. `threshold_floor`: an expression that keeps small numbers quiet.
    """
    short, long, speed = windows
    limit = f"{speed * budget:g}"
    return f"{numerator}{short} > {limit} and {numerator}{long} > {limit} and {threshold_floor}"


def yaml(value, indent=0):
    """YAML of dictionaries, lists and scalars; text is quoted as in JSON, which YAML reads."""
    space = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines.append(f"{space}{key}:\n{yaml(item, indent + 1)}")
            else:
                lines.append(f"{space}{key}: {scalar(item)}\n")
        return "".join(lines)
    lines = []
    for item in value:
        text = yaml(item, indent + 1) if isinstance(item, dict) else f"{space}  {scalar(item)}\n"
        lines.append(f"{space}- {text[len(space) + 2:]}")
    return "".join(lines)


def scalar(value):
    if isinstance(value, str):
        is_plain = re.fullmatch(r"[A-Za-z][\w./:-]*|\d+[smhd]", value) and value not in ("on", "off", "yes", "no", "y", "n")
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
