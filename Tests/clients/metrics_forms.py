"""The forms of /metrics for clients that cannot choose, and what a Prometheus has made of them."""

import contextlib
import http.server
import json
import math
import socket
import subprocess
import threading
import urllib.parse
import urllib.request

from waiting import DEADLINE, wait_until

ACCEPT = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextlib.contextmanager
def form_of(broker, form):
    """Serves the broker's /metrics in this form, whatever is asked for: an old Prometheus cannot say what it wants. Yields the
    address. The request that goes on is part of a trace."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer = broker.get("/metrics", Accept=ACCEPT[form], traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type"))
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Prometheus:
    """A Prometheus that runs in `folder`. `jobs` has the address of each job."""

    def __init__(self, folder, jobs, features=()):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [address]}]} for job, address in jobs.items()],
        }))
        command = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}"]
        if features:
            command.append("--enable-feature=" + ",".join(features))
        with open(folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE)

    def api(self, path, **arguments):
        """The data of an answer of its API; None while it is not up."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
                return json.load(answer)["data"]
        except OSError:
            assert self.process.poll() is None, (self.folder / "prometheus.log").read_text()
            return None

    def query(self, expression):
        """The values of an instant query."""
        data = self.api("query", query=expression)
        return None if data is None else [float(result["value"][1]) for result in data["result"]]

    def series(self, job):
        """All samples of a job that are the broker's: name and labels → value. Native histograms are left out."""
        data = self.api("query", query=f'{{job="{job}",__name__=~"vernemq_.+"}}')
        found = {}
        for result in data["result"]:
            labels = {key: value for key, value in result["metric"].items() if key not in ("job", "instance")}
            if "value" in result:
                found[tuple(sorted(labels.items()))] = float(result["value"][1])
        return found

    def wait_for(self, what, expression, *values):
        wait_until(what, lambda: self.query(expression) == list(values), 4 * DEADLINE)


def same(left, right):
    """Whether two numbers are the same, NaN included."""
    return left == right or math.isnan(left) and math.isnan(right)
