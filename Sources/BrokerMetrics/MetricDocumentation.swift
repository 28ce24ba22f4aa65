/// `docs/metrics.md`, written from the catalogue. A test holds the file against this.
public enum MetricDocumentation {
    /// The whole page.
    public static func render() -> String {
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


            """
        section("VerneMQ's counters", .verneMQCounter, to: &page)
        section("VerneMQ's gauges and cluster counters", .verneMQGauge, to: &page)
        section("VerneMQ's runtime names, for a process", .verneMQRuntime, to: &page)
        section("Our own", .own, to: &page)
        page += """
            ## The ledger

            Every message that enters the broker is counted, and so is every way out. `ledger_residual` is the difference
            between the two sides of an equation. It is 0 when every message is accounted for; the equations that may differ
            from 0 for a moment say so:

            | equation | residual | meaning |
            | --- | --- | --- |
            | `ingress` | received − (accepted + Σ rejected + duplicate + pending) | \(LedgerEquation.ingress.meaning) |
            | `routing` | router_matches_local − (copies{local} + copies{will}) | \(LedgerEquation.routing.meaning) |
            | `delivery` | copies{local} + copies{retained} + copies{will} + loaded − (delivered + Σ drops + handed_over + queued + inflight + output + (posted − taken)) | \(LedgerEquation.delivery.meaning) |
            | `transit` | posted − taken | \(LedgerEquation.transit.meaning) |
            | `storage` | store_rows{copies} − store_copies | \(LedgerEquation.storage.meaning) |
            | `queue` | queue_message_in − (out + drop + unhandled) − (queued + inflight + output) | \(LedgerEquation.queue.meaning) |

            The words stand for these metrics:

            - `received`, `accepted`, `rejected`, `duplicate`, `copies`, `loaded`, `delivered`, `handed_over`, `posted` and `taken`:
              `ledger_received_total` and so on. Σ is the sum over all reasons; `copies{local}` is the series with `origin="local"`.
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
            | `code` | `1xx` … `5xx` |

            """
        return page
    }

    private static func section(_ title: String, _ heritage: MetricHeritage, to page: inout String) {
        page += "## \(title)\n\n| name | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n"
        for family in MetricCatalog.families where family.heritage == heritage {
            let labels = family.labelNames.isEmpty ? "–" : list(family.labelNames)
            page +=
                "| `\(family.name)` | \(family.kind.rawValue) | \(family.unit.rawValue) | \(labels) | \(family.help) |\n"
        }
        page += "\n"
    }

    private static func reasons(_ exit: VerneMQQueues.Exit) -> [String] {
        DropReason.allCases.filter { $0.verneMQExit == exit }.map(\.label)
    }

    private static func list(_ names: [String]) -> String {
        names.map { "`\($0)`" }.joined(separator: ", ")
    }
}
