"""A Prometheus of the test's own, and relays that make it ask for one format."""

import http.client
import http.server
import json
import math
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from waiting import DEADLINE, wait_until

# What Prometheus itself sends when it prefers the format.
TEXT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
OPEN_METRICS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," + TEXT)
PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75," + TEXT)
FORMATS = {"text": TEXT, "openmetrics": OPEN_METRICS, "protobuf": PROTOBUF}
# The media type of each format, for who wants no other.
ACCEPT = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Relay:
    """Passes scrapes on to a broker with an Accept header of its own, whatever is asked for: an old Prometheus cannot say what
    it wants. Each is part of a trace. A context manager; `target` is its address, `content_types` what came back."""

    def __init__(self, broker, accept):
        self.content_types = set()
        relay, (host, port) = self, broker.address(protocol="http")
        headers = {"Accept": accept, "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                connection = http.client.HTTPConnection(host, port, timeout=DEADLINE)
                try:
                    connection.request("GET", self.path, headers=headers)
                    answer = connection.getresponse()
                    body = answer.read()
                finally:
                    connection.close()
                relay.content_types.add(answer.getheader("Content-Type"))
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type"))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def target(self):
        return f"127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class QueryFailed(Exception):
    """Prometheus does not understand the query."""


class Prometheus:
    """Scrapes every second. `jobs`: name → address, or (address, metric_relabel_configs). A context manager."""

    def __init__(self, folder, jobs, rule_files=(), features=("native-histograms",)):
        self.folder = folder
        jobs = {name: job if isinstance(job, tuple) else (job, []) for name, job in jobs.items()}
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(each) for each in rule_files],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [target]}], "metric_relabel_configs": relabelling}
                for name, (target, relabelling) in jobs.items()],
        }))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.port}"]
        if features:
            command.append("--enable-feature=" + ",".join(features))
        with open(folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def __enter__(self):
        wait_until("Prometheus answers", lambda: self.ask("status/buildinfo"))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE)

    def ask(self, path, **parameters):
        """`data` of an answer of its API; None while it does not answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return None
            raise QueryFailed(f"{parameters}: {error.read().decode()}") from None
        except OSError:
            assert self.process.poll() is None, (self.folder / "prometheus.log").read_text()
            return None

    def series(self, expression):
        """[(labels, value)] of an instant query."""
        results = (self.ask("query", query=expression) or {"result": []})["result"]
        # Of a native histogram the number of its observations.
        return [
            (result["metric"], float(result["value"][1] if "value" in result else result["histogram"][1]["count"]))
            for result in results]

    def query(self, expression):
        """The values of an instant query."""
        return [value for _, value in self.series(expression)]

    def has_data(self, expression):
        """Whether the query gives a number, not NaN alone."""
        return any(not math.isnan(value) for value in self.query(expression))

    def samples(self, job):
        """All samples of a job that are the broker's: name and labels → value. Native histograms are left out."""
        data = self.ask("query", query=f'{{job="{job}",__name__=~"vernemq_.+"}}')
        found = {}
        for result in data["result"]:
            labels = {key: value for key, value in result["metric"].items() if key not in ("job", "instance")}
            if "value" in result:
                found[tuple(sorted(labels.items()))] = float(result["value"][1])
        return found

    def wait_for(self, what, expression, *values):
        """Until an instant query gives these values."""
        wait_until(what, lambda: self.query(expression) == list(values), 4 * DEADLINE)


def same(left, right):
    """Whether two numbers are the same, NaN included."""
    return left == right or math.isnan(left) and math.isnan(right)
