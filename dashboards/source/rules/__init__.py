"""The rules in groups, as dashboards/alerts.yml and dashboards/recording.yml have them."""

from . import availability, clients, health, ledger, loops, push, recording, resources, stock, store

RECORDING = recording.GROUPS
ALERTS = [
    ("vernemq-availability", "Is it there?", availability.ALERTS),
    ("vernemq-health", "What its own checks say, certificates, and what is kept from log and metrics.", health.ALERTS),
    ("vernemq-vital", "VerneMQ's own set, under its own names.", stock.VITAL),
    ("vernemq-cluster", "VerneMQ's rules for clusters. Their metrics stay 0 as long as the broker has no cluster.",
     stock.CLUSTER),
    ("vernemq-ledger", "Messages that did not arrive.", ledger.ALERTS),
    ("vernemq-store", "The message store.", store.ALERTS),
    ("vernemq-clients", "Clients that cannot come in, or fall silent.", clients.ALERTS),
    ("vernemq-loops", "Event loops.", loops.ALERTS),
    ("vernemq-push", "Metrics that are sent away.", push.ALERTS),
    ("vernemq-resources", "Memory, descriptors, pages, log.", resources.ALERTS),
]
