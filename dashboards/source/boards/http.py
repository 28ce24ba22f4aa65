"""Pages, the API, scrapes and the log. Panels of further exporters go into the row Scrapes."""

from grafana import BAD, GOOD, IN, INFORM, LOST, OUT, REFUSED, WAITING, WARN, Board, Query, Row, series, stat, thresholds

R = "[$__rate_interval]"


def board():
    return Board("http", "HTTP & exporters", "What reads the broker: scrapes, health checks, pages, the API, and its log.", [
        Row("HTTP"),
        stat("Requests", "HTTP requests answered.", "reqps", f"sum(rate(@http_requests_total{R}))", decimals=1),
        stat("Server errors", "Requests answered with 5xx. The log names the page.", "reqps",
             f'sum(rate(@http_requests_total{{code="5xx"}}{R}))', thresholds((0.001, WARN), (1, BAD)), decimals=2),
        stat("Refused connections", "HTTP connections for which there was no place. Who opens them? Raise "
             "listener.http.max_connections.", "cps", f"sum(rate(@http_connections_refused_total{R}))",
             thresholds((0.001, BAD)), decimals=2),
        stat("Descriptors of HTTP", "Share of HTTP's descriptors in use. At 100 % idle connections are closed for new "
             "ones.", "percentunit", 'max(@descriptors_open{use="http"} / @descriptors_limit{use="http"})',
             thresholds((0.7, WARN), (0.9, BAD)), decimals=0),
        stat("Wrong API keys", "Requests without a good key. Many: somebody tries keys.", "reqps",
             f'sum(rate(@api_requests_total{{result=~"unauthorized|limited"}}{R}))', thresholds((0.01, WARN), (1, BAD)),
             decimals=2),
        stat("Log lines lost", "Log lines dropped because they came faster than they could be written.", "ops",
             f"sum(rate(@log_lines_dropped_total{R}))", thresholds((0.001, WARN), (10, BAD)), decimals=2),
        series("Requests by code", "4xx: callers ask for what is not there, or without a key. 5xx: the broker failed, or "
               "is stopping.", "reqps", Query(f"sum by (code) (rate(@http_requests_total{R}))", "{{code}}"),
               stacked=True),
        series("Refused by reason", "Requests refused before a page saw them. framing, header, malformed: a broken proxy, "
               "or somebody tests for weaknesses.", "reqps",
               Query(f"sum by (reason) (rate(@http_requests_refused_total{R}))", "{{reason}}"), stacked=True),
        series("Connections", "Open HTTP connections. Near the limit: scrapers do not close, or a flood.", "short",
               Query("sum(@http_connections)", "open", INFORM),
               Query("sum(@http_streams)", "being sent", WAITING)),
        series("What became of connections", "spared: closed for new ones. timed out: too slow. refused: no place at "
               "all.", "cps", Query(f"sum(rate(@http_connections_accepted_total{R}))", "accepted", IN),
               Query(f"sum(rate(@http_connections_spared_total{R}))", "spared", WAITING),
               Query(f"sum(rate(@http_connections_timed_out_total{R}))", "timed out", REFUSED),
               Query(f"sum(rate(@http_connections_refused_total{R}))", "refused", LOST),
               Query(f"sum(rate(@http_handshakes_failed_total{R}))", "failed handshakes")),
        series("Pages that failed", "Handlers that failed and answers that could not be finished. The log has the error: "
               "report it.", "reqps", Query(f"sum(rate(@http_handler_errors_total{R}))", "failed", LOST),
               Query(f"sum(rate(@http_streams_refused_total{R}))", "streams refused", WAITING),
               Query(f"sum by (reason) (rate(@http_streams_ended_total{R}))", "stream {{reason}}")),
        series("Bytes out", "Bodies of HTTP answers. A scrape is some hundred kilobytes, less with gzip.", "Bps",
               Query(f"sum(rate(@http_response_bytes_total{R}))", "out", OUT)),
        Row("Scrapes"),
        series("Time of a scrape", "As Prometheus measures it. Over a second: the loops answer slowly; see Latency.", "s",
               Query('max by (instance) (scrape_duration_seconds{job=~"$job"})', "{{instance}}"),
               Query("max(@snapshot_duration_seconds)", "reading the loops", WAITING),
               limits=thresholds((1, BAD))),
        series("Series of a scrape", "It does not grow with clients. A step: a new version, or a new listener.", "short",
               Query('max by (instance) (scrape_samples_scraped{job=~"$job"})', "{{instance}}")),
        series("Answers", "1 where the scrape succeeds. 0: see the runbook VerneMQInstanceDown.", "short",
               Query('min by (instance) (up{job=~"$job"})', "{{instance}}"), limits=thresholds((1, GOOD), base=BAD),
               maximum=1),
        series("Series folded", "Label sets added up under other, by metric: over metrics.max_series_per_family. undeclared: a "
               "defect of the broker.", "short", Query("sum by (metric) (@metrics_folded_series)", "{{metric}}"),
               Query(f"sum by (room) (rate(@metrics_undeclared_samples_total{R}))", "undeclared: {{room}}")),
        Row("Health"),
        series("Health checks", "Answers of /health/live, /health/ready and /health/path. down: the body says why, and load "
               "balancers send no clients.", "ops",
               Query(f"sum by (check, result) (rate(@health_probes_total{R}))", "{{check}} {{result}}")),
        series("Walks of the message path", "What /health/path found. down: the way of a message is blocked. shared: who asked "
               "while another walk went on.", "ops",
               Query(f"sum by (result) (rate(@health_path_walks_total{R}))", "{{result}}"), stacked=True),
        series("Stages of the message path", "How long the last walk took to the loop, through router and queue, and into the "
               "store. A stage that is missing did not end.", "s",
               Query("max by (stage) (@health_path_stage_seconds)", "{{stage}}"), is_logarithmic=True),
        Row("Pushed metrics"),
        series("Graphite", "What went wrong by reason, and lines that never went. None: it takes everything, or is off.", "ops",
               Query(f"sum by (reason) (rate(@graphite_errors_total{R}))", "{{reason}}"),
               Query(f"sum by (reason) (rate(@graphite_lines_dropped_total{R}))", "lines dropped: {{reason}}")),
        series("Graphite waiting", "Bytes that Graphite has not taken. At graphite_buffer, 4 MB as shipped, lines are dropped.",
               "bytes", Query("sum(@graphite_buffered_bytes)", "bytes", WAITING)),
        series("OTLP exports", "accepted: all is well. given_up: the receiver is away. refused: it does not want them.", "ops",
               Query(f"sum by (result) (rate(@otlp_exports_total{R}))", "{{result}}"), stacked=True),
        series("OTLP points", "Data points that the receiver took, and those that it rejected.", "ops",
               Query(f"sum(rate(@otlp_points_total{R}))", "points taken", OUT),
               Query(f"sum(rate(@otlp_points_rejected_total{R}))", "points rejected", LOST)),
        Row("API and log"),
        series("API", "Management commands by result. invalid: a script is wrong. unauthorized, limited: wrong keys.",
               "reqps", Query(f"sum by (result) (rate(@api_requests_total{R}))", "{{result}}"), stacked=True),
        series("Traces", "Client traces that run. Left over: vmq-admin trace stop_all.", "short",
               Query("sum(@client_traces)", "running", WAITING)),
        series("Log lines", "Lines written by level. Errors need somebody now, warnings soon.", "ops",
               Query(f"sum by (level) (rate(@log_lines_total{R}))", "{{level}}"), stacked=True),
        series("Log lines lost by level", "dropped: they came too fast. not written: the disk is full, or a pipe nobody reads.",
               "ops", Query(f"sum by (level) (rate(@log_lines_dropped_total{R}))", "dropped {{level}}"),
               Query(f"sum by (place) (rate(@log_write_errors_total{R}))", "not written to {{place}}")),
        series("Client events omitted", "Events of clients that the log does not tell, because there were too many of a kind. "
               "Read the lines that are there.", "ops",
               Query(f"sum by (event) (rate(@log_client_events_omitted_total{R}))", "{{event}}"), stacked=True),
        series("Log waiting", "Lines that wait to be written; at 4,096 more are dropped.", "short",
               Query("sum(@log_queue_lines)", "lines", WAITING), limits=thresholds((4096, BAD))),
        series("Log memory", "Bytes of lines that wait; at 1 MiB more are dropped.", "bytes",
               Query("sum(@log_queue_bytes)", "bytes", WAITING), limits=thresholds((1048576, BAD))),
    ])
