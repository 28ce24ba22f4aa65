/// `docs/metrics.md`, written from the catalogue. A test holds the file against this.
public enum MetricDocumentation {
    /// The whole page.
    ///
    /// - Parameter catalog: with all rooms, running or not.
    public static func render(_ catalog: MetricCatalog) -> String {
        var page = """
            # Metrics

            Written from `MetricCatalog` by `MetricDocumentation.render()`; do not edit by hand. To write it anew:
            `script/docs`.

            On `/metrics` every name has the prefix `prometheus_namespace` (`vernemq_` unless set otherwise) and every
            line the label `node`. Names below VerneMQ's headings are VerneMQ's own, labels included, and never change.

            A reason code outside the set of its packet is counted under `reason_code="other"` (3.1.1:
            `return_code="other"`), a line that appears once it is not 0. So do lines of MQTT versions that VerneMQ does
            not show for a name.

            A bound of `loop_turn_seconds` that is no edge of the buckets underneath acts as if it were up to 12.5 %
            smaller; the bounds of the histograms that count things are exact.

            ## Formats

            `/metrics` answers in the form that the `Accept` header asks for, with the highest `q`, and in gzip when
            `Accept-Encoding` has it:

            | form | media type | has beside the numbers |
            | --- | --- | --- |
            | Prometheus text | `text/plain; version=0.0.4`, and when nothing is asked for | |
            | OpenMetrics 1.0 | `application/openmetrics-text; version=1.0.0` | units, `_created`, exemplars |
            | Prometheus protobuf | `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited` | units, time of creation, exemplars, native histograms |

            Names, labels and numbers of the series are the same in all of them. OpenMetrics wants every counter to end in
            `_total`. VerneMQ's do not, so there they are of type `unknown` under their own names. Bounds of histograms are
            spelled as Prometheus does: `le="1.0"`, `le="2.5e-05"`; those of VerneMQ's histograms are too, so a query for
            `le="10"` has to ask for `le="10.0"`. `_created` is the start of the broker; a Prometheus stores these lines as
            series of their own.

            With `metrics.native_histograms = on`, native histograms (schema 3, each bound 9 % above the one before) stand beside the classic buckets. Each
            log-linear bucket of the broker is counted in the native bucket that holds its middle, so an observation is within a
            factor of 1.16 of the bounds of its native bucket. A Prometheus that takes native histograms drops the classic
            buckets beside them, unless it has `scrape_classic_histograms` (`always_scrape_classic_histograms` in
            3.x). One such as 2.42 has no such setting; therefore they are off by default. They are asked with
            `histogram_quantile(0.99, rate(x[5m]))`; the dashboards and rules read whichever form is there.

            `/metrics?family=NAME&family=NAME`, or `collect[]=NAME`, shows some metrics only; a name that there is not is answered
            with 400 and the nearest. `/metrics/catalog.json` lists all with kind, unit, labels, help and whose name it is. Scrapes
            that wait at the same time share one reading, which begins after the last of them came.

            A metric whose labels are named from outside (listeners, plugins) has `metrics.max_series_per_family` series at most, all together
            `metrics.max_series`. Label sets beyond are added up in one series whose labels are all `other`;
            `metrics_folded_series` tells of which metric and how many. Values over 1,024 bytes are cut.


            """
        section("VerneMQ's counters", catalog, .verneMQCounter, to: &page)
        section("VerneMQ's gauges and cluster counters", catalog, .verneMQGauge, to: &page)
        section("VerneMQ's runtime names, for a process", catalog, .verneMQRuntime, to: &page)
        section("Our own", catalog, .own, to: &page)
        page += """
            ## The ledger

            Every message that enters the broker is counted, and so is every way out. `ledger_residual` is the difference
            between the two sides of an equation. It is 0 when every message is accounted for; the equations that may differ
            from 0 for a moment say so:

            | equation | residual | meaning |
            | --- | --- | --- |
            | `ingress` | received − (accepted + Σ rejected + duplicate + pending) | \(LedgerEquation.ingress.meaning) |
            | `routing` | router_matches_local − Σ copies{all origins but retained} | \(LedgerEquation.routing.meaning) |
            | `delivery` | Σ copies + loaded − (delivered + Σ drops + handed_over + queued + inflight + output + (posted − taken)) | \(LedgerEquation.delivery.meaning) |
            | `transit` | posted − taken | \(LedgerEquation.transit.meaning) |
            | `storage` | store_rows{copies} − store_copies | \(LedgerEquation.storage.meaning) |
            | `queue` | queue_message_in − (out + drop + unhandled) − (queued + inflight + output) | \(LedgerEquation.queue.meaning) |

            The words stand for these metrics:

            - `received`, `accepted`, `rejected`, `duplicate`, `copies`, `loaded`, `delivered`, `handed_over`, `posted` and `taken`:
              `ledger_received_total` and so on. Σ is the sum over all reasons or origins; `copies` is `ledger_copies_total`.
            - `drops`: `message_drops_total`. `pending`: `ledger_pending_publishes`.
            - `queued`, `inflight` and `output`: `queued_messages`, `inflight_messages` and `output_messages`.
            - `out`, `drop` and `unhandled`: `queue_message_out`, `queue_message_drop` and `queue_message_unhandled`.
            - `store_rows{copies}`: `store_rows` with `kind="copies"`, which is what the store found at the start, and what it has
              written since, less what it has deleted.

            Every reason of `message_drops_total` goes under one of VerneMQ's names as well. `queue_message_drop`:
            \(list(reasons(.drop))). `queue_message_unhandled`: \(list(reasons(.unhandled))).

            ## Label values

            | label | values |
            | --- | --- |
            | `reason` of `message_drops_total` | \(list(DropReason.allCases.map(\.label))) |
            | `reason` of `ledger_rejected_total` | \(list(RejectReason.allCases.map(\.label))) |
            | `reason` of `connections_closed_total` | \(list(CloseReason.allCases.map(\.label))) |
            | `mqtt_version` | `4` for 3.1 and 3.1.1, `5` for 5.0 |
            | `loop` | number of the event loop, from 0 |
            \(closedLabels(catalog))

            """
        return page
    }

    private static func section(
        _ title: String, _ catalog: MetricCatalog, _ heritage: MetricHeritage, to page: inout String
    ) {
        page += "## \(title)\n\n| name | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n"
        for family in catalog.families where family.heritage == heritage {
            let labels = family.labelNames.isEmpty ? "–" : list(family.labelNames)
            page +=
                "| `\(family.name)` | \(family.kind.rawValue) | \(family.unit.rawValue) | \(labels) | \(family.help) |\n"
        }
        page += "\n"
    }

    /// A row for each label of a room whose values are words of the program.
    private static func closedLabels(_ catalog: MetricCatalog) -> String {
        catalog.families.flatMap { family in
            (family.roomSource?.labels ?? []).compactMap { label in
                label.allowed.map { "| `\(label.name)` of `\(family.name)` | \(list($0)) |" }
            }
        }
        .joined(separator: "\n")
    }

    private static func reasons(_ exit: VerneMQQueues.Exit) -> [String] {
        DropReason.allCases.filter { $0.verneMQExit == exit }.map(\.label)
    }

    private static func list(_ names: [String]) -> String {
        names.map { "`\($0)`" }.joined(separator: ", ")
    }
}
