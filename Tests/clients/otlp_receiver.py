"""A receiver of OTLP over HTTP, which decodes with OpenTelemetry's own Python package and answers as a test wants."""

import contextlib
import gzip
import http.server
import queue
import socket
import threading
import time

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest, ExportMetricsServiceResponse)

from waiting import DEADLINE

PROTOBUF = "application/x-protobuf"


class Request:
    """What came: `headers`, `raw` as it was on the wire, `message` decoded, and when."""

    def __init__(self, path, headers, raw):
        self.path, self.headers, self.raw, self.at = path, headers, raw, time.monotonic()
        body = gzip.decompress(raw) if headers.get("Content-Encoding") == "gzip" else raw
        self.message = ExportMetricsServiceRequest.FromString(body)

    @property
    def resource(self):
        [part] = self.message.resource_metrics
        return {each.key: each.value.string_value for each in part.resource.attributes}

    @property
    def metrics(self):
        """Name → metric."""
        [part] = self.message.resource_metrics
        [scope] = part.scope_metrics
        assert scope.scope.name == "vernemq" and scope.scope.version
        named = {metric.name: metric for metric in scope.metrics}
        assert len(named) == len(scope.metrics)
        return named


def accept(handler):
    """The usual answer: all is taken."""
    respond(handler, 200, ExportMetricsServiceResponse().SerializeToString())


def respond(handler, status, body=b"", content_type=PROTOBUF, **headers):
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


class Receiver:
    """`answers` are functions of the handler, one for each request; after the last one all is accepted."""

    def __init__(self, *answers, port=0, tls=None):
        self.requests, self.answers = queue.Queue(), list(answers)
        # Set at the end, for answers that wait.
        self.ends = threading.Event()
        self.connections = set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = DEADLINE

            def setup(self):
                super().setup()
                receiver.connections.add(self.connection)

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.put(Request(self.path, self.headers, raw))
                answer = receiver.answers.pop(0) if receiver.answers else accept
                try:
                    answer(self)
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a handshake that the broker broke off

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}/v1/metrics"

    def next(self):
        return self.requests.get(timeout=DEADLINE)

    def close(self):
        """As if its process had ended: nobody listens, and the connections are gone."""
        self.ends.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
