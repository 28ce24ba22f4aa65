"""The dashboards, in the order in which somebody looks at them."""

from . import clients, http, latency, messages, node, overview, store

BOARDS = [each.board() for each in (overview, clients, messages, latency, store, http, node)]
