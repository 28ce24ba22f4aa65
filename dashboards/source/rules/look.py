"""Commands that many pages name, with what to see in them."""


def metrics(name, see):
    """All series of a family, with their labels."""
    return f"curl -s http://127.0.0.1:8888/metrics | grep {name}", see


def history(name, see):
    return f"vmq-admin metrics history name={name} --minutes=30", see


HEALTH = ("curl -s http://127.0.0.1:8888/health", "`OK`, or the reasons why not")
STATUS = ("vmq-admin node status", "that the broker answers, clients online, messages in and out")
LISTENERS = ("vmq-admin listener show", "`status` of each listener, `active_conns` against `max_conns`")
BALANCE = ("vmq-admin metrics check", "the residual of each equation and the verdict")
QUEUES = (
    "vmq-admin session show --client_id --is_online --queue_size --order=queue_size --desc --limit=10",
    "the ten clients for whom most messages wait")
UNACKNOWLEDGED = (
    "vmq-admin session show --client_id --peer_host --waiting_acks --order=waiting_acks --desc --limit=10",
    "the ten clients that acknowledge least")
CLIENT = ("vmq-admin client show client-id=CLIENT", "what one client sends, how long its messages wait, what went wrong")
TRACE = ("vmq-admin trace client client-id=CLIENT", "its packets as they come; Ctrl-C ends it")
NEWEST = (
    "vmq-admin session show --client_id --peer_host --user --session_started_at --order=session_started_at --desc --limit=10",
    "who connected last, and from where")
LOG = ("vmq-admin log show config", "where the log is; read its last lines with level `error` and `warning`")
CHECK = ("vernemq store check --config FILE", "with the broker stopped: which rows cannot be read")
REPORT = "Report it with the whole of `/metrics` and the log since the start: it is a defect of the broker."
