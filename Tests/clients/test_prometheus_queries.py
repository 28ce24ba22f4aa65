"""A real Prometheus evaluates all that dashboards/ asks, against a broker under traffic and one without."""

import contextlib
import re

import pytest

from busy_clients import BusyClients
from dashboard_files import HISTOGRAMS, RULES, board_queries, rules, stock_queries, without_bounds
from prometheus import FORMATS, Prometheus, QueryFailed, Relay
from waiting import wait_until

NO_PREFIX = [
    {"source_labels": ["__name__"], "regex": "vernemq_(.*)", "target_label": "__name__", "replacement": "$1"}]
# Queries that are rightly without a number while nothing is wrong, by what is in them, and why.
EMPTY = {
    "store_sync_seconds": "no commit waits for the disk unless leveldb.sync_on_write is on",
    "changes(": "it marks restarts, and there was none",
    "absent(": "it is there",
    "listener_certificate_expiry": "no listener has a certificate",
}
# On a broker that nobody uses these are 0 divided by 0 as well: there is nothing whose time or share could be told.
EMPTY_WHEN_IDLE = {
    "health_path_stage": "nobody has asked for /health/path",
    "histogram_quantile": "nothing was measured",
    ":ratio_rate": "a share of nothing",
    "mqtt_connack_sent:rate5m": "a share of nothing",
    "_error[5m]) / ": "a share of nothing",
}
SELECTOR = re.compile(r"\b((?:\w+:)?vernemq_[\w:]+)(\{[^}]*\})?")


def is_rightly_empty(query, reasons):
    return any(part in query for part in reasons)


def missing(prometheus, wanted):
    """Those of `wanted`, (where, query), that give no number yet."""
    return [(where, query) for where, query in wanted if not prometheus.has_data(query)]


def wait_for_data(prometheus, wanted, refresh=lambda: None):
    """Until each query has given a number."""
    left = list(wanted)

    def all_have():
        refresh()
        left[:] = missing(prometheus, left)
        return not left

    try:
        wait_until("", all_have)
    except AssertionError:
        raise AssertionError(f"no data for {len(left)} of {len(wanted)}: {left[:20]}") from None


def check_rules(prometheus):
    """Prometheus itself has evaluated every rule without an error."""
    groups = prometheus.ask("rules")["groups"]
    states = [(rule["name"], rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]]
    assert len(states) == len(rules())
    return [each for each in states if each[1] != "ok"]


def test_every_query_finds_data_in_every_format(start_broker, tmp_path):
    """Panels, recorded series, alerts, and VerneMQ's own dashboards, whose names have no prefix."""
    broker = start_broker({"persistent_client_expiration": "1h"})
    with contextlib.ExitStack() as stack:
        relays = {name: Relay(broker, accept) for name, accept in FORMATS.items()}
        jobs = {name: (relay.target, []) for name, relay in relays.items()}
        jobs |= {f"stock-{name}": (relay.target, NO_PREFIX) for name, relay in relays.items()}
        for relay in relays.values():
            stack.callback(relay.close)
        stack.enter_context(BusyClients(broker))
        prometheus = stack.enter_context(Prometheus(tmp_path, jobs, RULES))
        wait_until("all formats are scraped", lambda: prometheus.query("sum(up)") == [len(jobs)])
        node = prometheus.series("vernemq_socket_open")[0][0]["node"]
        for name in FORMATS:
            wait_for_data(prometheus, [
                (where, query) for *where, query in board_queries(name) if not is_rightly_empty(query, EMPTY)])
            wait_for_data(prometheus, {
                ("a panel", selector) for *_, query in board_queries(name) for selector in selectors(query)
                if not is_rightly_empty(selector, EMPTY)})
            wait_for_data(prometheus, rule_queries(name))
            wait_for_data(prometheus, [("stock", of_job(query, f"stock-{name}")) for query in stock_queries(node)])
            assert prometheus.ask("label/node/values", **{"match[]": f'vernemq_socket_open{{job=~"{name}"}}'}) == [node]
        wait_until("all rules were evaluated", lambda: not check_rules(prometheus))
        firing = {labels["alertname"] for labels, _ in prometheus.series('ALERTS{alertstate="firing",severity="critical"}')}
        assert firing <= {"VerneMQInstanceMissing"}  # The rules look for another job.
        assert all(len(relay.content_types) == 1 for relay in relays.values())


def test_every_query_finds_data_where_histograms_are_native_alone(start_broker, tmp_path):
    """This Prometheus drops the classic buckets beside native ones."""
    broker = start_broker({"persistent_client_expiration": "1h", "metrics.native_histograms": "on"})
    with Relay(broker, FORMATS["protobuf"]) as relay, BusyClients(broker), \
            Prometheus(tmp_path, {"vernemq": relay.target}, RULES) as prometheus:
        wait_for_data(prometheus, [
            (where, query) for *where, query in board_queries("vernemq") if not is_rightly_empty(query, EMPTY)])
        wait_for_data(prometheus, {
            ("a panel", selector) for *_, query in board_queries("vernemq") for selector in selectors(query, native=True)
            if not is_rightly_empty(selector, EMPTY)})
        wait_for_data(prometheus, [
            (name, name) for kind, name, query in rules() if kind == "record" and not is_rightly_empty(query, EMPTY)])
        wait_until("all rules were evaluated", lambda: not check_rules(prometheus))
        assert prometheus.query('{__name__=~"vernemq_.+_bucket"}') == []


def test_each_exception_is_needed():
    queries = [query for *_, query in board_queries("vernemq") + rules()]
    for part in (*EMPTY, *EMPTY_WHEN_IDLE):
        assert any(part in query for query in queries), part


def selectors(query, native=False):
    """Each `name{matchers}` in a query: all must exist, also where something else would hide that one does not. A histogram is
    there in one of two forms."""
    def is_there(name):
        whole, bucket = name.removeprefix("vernemq_"), name.removeprefix("vernemq_").removesuffix("_bucket")
        return bucket == whole if native and bucket in HISTOGRAMS else whole not in HISTOGRAMS
    return {match[0] for match in SELECTOR.finditer(query) if is_there(match[1])}


def rule_queries(job):
    """What rules are made of, for one job: each expression without its bounds, and each selector in it."""
    wanted = []
    for kind, name, query in rules():
        query = query.replace('job="vernemq"', f'job="{job}"')
        wanted += [(name, of_job(selector, job)) for selector in selectors(query)]
        whole = of_job(without_bounds(query), job)
        if not is_rightly_empty(whole, EMPTY):
            wanted.append((name, whole))
        if kind == "record":
            wanted.append((name, f'{name}{{job="{job}"}}'))
    return [(name, query) for name, query in wanted if not is_rightly_empty(query, EMPTY)]


def of_job(query, job):
    """The query for the series of one job alone."""
    def chosen(match):
        name, labels = match.groups()
        inner = labels[1:-1] if labels else ""
        return f'{name}{{job="{job}"{"," + inner if inner else ""}}}'

    if "vernemq_" in query:
        return SELECTOR.sub(chosen, query)
    return re.sub(r"\b((?:socket|queue|mqtt|system|router|retain|bytes|cluster|client)_\w+)(\{[^}]*\})?", chosen, query)


def test_no_panel_is_empty_on_an_idle_broker(broker, tmp_path):
    host, port = broker.address(protocol="http")
    with Prometheus(tmp_path, {"vernemq": (f"{host}:{port}", [])}, RULES) as prometheus:
        wanted = [(where, query) for *where, query in board_queries("vernemq")]
        wait_for_data(prometheus, [
            (where, query) for where, query in wanted
            if not is_rightly_empty(query, EMPTY) and not is_rightly_empty(query, EMPTY_WHEN_IDLE)])
        # Those have series, that only say that there is nothing to measure.
        silent = [query for _, query in wanted if "histogram_quantile" in query]
        assert len(silent) > 30 and all(prometheus.query(query) for query in silent)
        wait_until("all rules were evaluated", lambda: not check_rules(prometheus))
        assert prometheus.query('ALERTS{alertstate="firing"}') == []


@pytest.mark.parametrize("query", ["sum(vernemq_nothing)", 'vernemq_sessions{state="asleep"}', "vernemq_sessions > 1e9"])
def test_a_query_without_data_is_found(broker, tmp_path, query):
    host, port = broker.address(protocol="http")
    with Prometheus(tmp_path, {"vernemq": (f"{host}:{port}", [])}) as prometheus:
        wait_for_data(prometheus, [("seen", "vernemq_sessions")])
        assert missing(prometheus, [("x", query)]) == [("x", query)]
        with pytest.raises(QueryFailed):
            prometheus.query("sum(")
