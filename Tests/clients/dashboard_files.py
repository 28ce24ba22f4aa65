"""Reads dashboards/: the queries of panels, of rules, and of VerneMQ's own dashboards."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
RUNBOOKS = ROOT / "docs" / "runbooks"
BOARDS = sorted(FOLDER.glob("*.json"))
RULES = [FOLDER / "recording.yml", FOLDER / "alerts.yml"]
HISTOGRAMS = set(re.findall(r"^\| `(\w+)` \| histogram \|", (ROOT / "docs/metrics.md").read_text(), re.M))
COMPARISON = re.compile(r" (?:>=|<=|==|!=|>|<) -?[0-9.e-]+")


def panels(board):
    """The panels of a dashboard that are no rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def board_queries(job, node=".*"):
    """(dashboard, panel, query) of all dashboards, their variables filled in."""
    found = []
    for path in BOARDS:
        board = json.loads(path.read_text())
        wanted = [(panel["title"], target["expr"]) for panel in panels(board) for target in panel["targets"]]
        wanted += [("annotation", each["expr"]) for each in board["annotations"]["list"]]
        found += [(path.stem, title, filled(query, job, node)) for title, query in wanted]
    return found


def filled(query, job, node):
    return query.replace("$job", job).replace("$node", node).replace("[$__rate_interval]", "[20s]")


def rules():
    """(`record` or `alert`, name, query) of all rules. The files are written in a part of YAML that is read here."""
    found = []
    for path in RULES:
        for kind, name, query in re.findall(
                r"^ +- (record|alert): (\S+)\n +expr: (.*)$", path.read_text(), re.MULTILINE):
            found.append((kind, json.loads(name) if name[0] == '"' else name, json.loads(query)))
    return found


def without_bounds(query):
    """An alert's expression that gives its numbers whether it fires or not."""
    return COMPARISON.sub("", query)


# VerneMQ's own dashboards, written for metrics without a prefix.

BY_NODE = [
    "sum(socket_open - socket_close)", "sum(queue_processes) - sum(socket_open - socket_close)",
    *[f"sum(rate({name}[1m]))" for name in (
        "socket_open", "socket_close", "mqtt_connect_received", "mqtt_connack_sent", "mqtt_publish_received",
        "mqtt_publish_sent", "queue_message_in", "queue_message_out", "queue_message_drop", "queue_message_expired",
        "queue_message_unhandled")]]


def of_node(query, node):
    return re.sub(r"\b((?:socket|queue|mqtt)_\w+)", rf'\1{{node="{node}"}}', query)


def stock_queries(node):
    """The queries of vernemq-mixin's two dashboards and of the one that VerneMQ ships."""
    plain = [
        "(socket_open - socket_close)", "queue_processes", "sum(rate(mqtt_publish_received[30s]))",
        "sum(rate(mqtt_publish_sent[30s]))", "system_wallclock", "system_utilization", "router_subscriptions",
        "router_memory", "system_run_queue", "retain_memory", "retain_messages", "client_expired",
        "mqtt_unsubscribe_error", "mqtt_publish_auth_error"]
    plain += [f"system_utilization_scheduler_{number}" for number in range(1, 5)]
    plain += [f"rate({name}[60s])" for name in ("queue_setup", "queue_teardown")]
    plain += [f"rate(queue_message_{name}[1m])" for name in ("in", "out", "drop", "unhandled")]
    plain += [f"rate({name}[30s])" for name in (
        "socket_open", "socket_close", "socket_error", "system_reductions", "system_context_switches", "system_io_in",
        "system_io_out", "system_gc_count", "system_words_reclaimed_by_gc", "bytes_received", "bytes_sent",
        "cluster_bytes_sent", "cluster_bytes_received", "cluster_bytes_dropped",
        "mqtt_connack_unacceptable_protocol_sent", "mqtt_connack_identifier_rejected_sent",
        "mqtt_connack_server_unavailable_sent", "mqtt_connack_bad_credentials_sent",
        "mqtt_connack_not_authorized_sent", "mqtt_connack_accepted_sent", "mqtt_connect_received",
        "mqtt_subscribe_received", "mqtt_suback_sent", "mqtt_subscribe_error", "mqtt_subscribe_auth_error",
        "mqtt_unsubscribe_received", "mqtt_unsuback_sent", "mqtt_pingreq_received", "mqtt_pingresp_sent",
        "mqtt_invalid_msg_size_error")]
    plain += [
        f"rate(mqtt_{packet}_{end}[30s])" for packet in ("publish", "puback", "pubrec", "pubrel", "pubcomp")
        for end in ("received", "sent")]
    plain += [
        f"rate(mqtt_{name}_error[30s])" for name in ("publish", "puback_invalid", "pubrec_invalid", "pubcomp_invalid")]
    by_node = [
        "sum(queue_processes) by (node) - sum(socket_open - socket_close) by (node)",
        *[f"{query} by (node)" for query in BY_NODE if " - sum" not in query]]
    return plain + BY_NODE + by_node + [of_node(query, node) for query in BY_NODE]
