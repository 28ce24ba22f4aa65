"""The metrics that there are, as docs/metrics.md lists them, and PromQL written against them.

Queries name a metric by `@`: `@socket_open` becomes `vernemq_socket_open`. What is behind `@` must be in the catalogue,
with its labels, so a query for a metric that was renamed does not get into a file.
"""

import re

TABLE_ROW = re.compile(r"\| `(\w+)` \| (counter|gauge|histogram) \| (\w+) \| ([^|]+) \|")
REASONS_ROW = re.compile(r"\| `(\w+)` of `(\w+)` \| (.+) \|")
METRIC = re.compile(r"@(\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*')
# Labels that every line has, or that a scrape adds.
COMMON_LABELS = {"job", "instance", "node", "le"}
# Stands in the names of recorded series for the prefix.
PREFIX = "PREFIX_"
# Behind the name of a histogram: the native one, which has no other name than that.
NATIVE = "_native"


class QueryError(Exception):
    """A query that asks for what is not in the catalogue."""


class Metric:
    def __init__(self, name, kind, unit, labels):
        self.name, self.kind, self.unit, self.labels = name, kind, unit, labels
        # Label → its values, where the catalogue lists them.
        self.values = {}


class Catalogue:
    """`metrics`: name → Metric."""

    def __init__(self, page):
        self.metrics = {}
        for name, kind, unit, labels in TABLE_ROW.findall(page):
            self.metrics[name] = Metric(name, kind, unit, re.findall(r"`(\w+)`", labels))
        for label, name, values in REASONS_ROW.findall(page):
            self.metrics[name].values[label] = re.findall(r"`(\w+)`", values)
        if len(self.metrics) < 100:
            raise QueryError(f"docs/metrics.md: {len(self.metrics)} metrics read, expected 100 and more")

    def find(self, series):
        """The metric that a series belongs to: a histogram has three, and one of its own where it is native."""
        for suffix in ("_bucket", "_sum", "_count", NATIVE):
            metric = self.metrics.get(series.removesuffix(suffix))
            if series.endswith(suffix) and metric and metric.kind == "histogram":
                return metric
        metric = self.metrics.get(series)
        if metric is None or metric.kind == "histogram":
            raise QueryError(f"no metric {series} in docs/metrics.md")
        return metric

    def check(self, series, matchers):
        metric = self.find(series)
        for label, sign, value in matchers:
            if label not in COMMON_LABELS and label not in metric.labels:
                allowed = ", ".join(metric.labels) or "none"
                raise QueryError(f"{series} has no label {label}; it has {allowed}")
            known = metric.values.get(label)
            wanted = value.split("|") if sign in ("=~", "!~") else [value]
            for each in wanted if known and "$" not in value else []:
                if each not in known:
                    raise QueryError(f"{series} has no {label}={each}; it has {', '.join(known)}")

    def expand(self, query, prefix, selector=""):
        """PromQL: `@name{a="b"}` with the prefix, and with `selector` before its own matchers."""
        def replacement(match):
            series, own = match.groups()
            matchers = []
            for each in re.split(r',(?=\s*\w+\s*[=!])', own) if own else []:
                found = MATCHER.fullmatch(each)
                if not found:
                    raise QueryError(f"{each!r} in {query}: not a matcher such as reason=\"expired\"")
                matchers.append(found.groups())
            self.check(series, matchers)
            both = ",".join(part for part in (selector, own) if part)
            return prefix + series.removesuffix(NATIVE) + (f"{{{both}}}" if both else "")

        return METRIC.sub(replacement, query).replace(PREFIX, prefix)
