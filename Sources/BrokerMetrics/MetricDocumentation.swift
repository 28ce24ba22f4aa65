/// `docs/metrics.md`, written from the catalogue. A test holds the file against this.
package enum MetricDocumentation {
    /// The whole page.
    package static func render() -> String {
        var page = """
            # Metrics

            Written from `MetricCatalog` by `MetricDocumentation.render()`; do not edit by hand. To write it anew:
            `WRITE_METRICS_DOC=1 swift test --filter MetricDocumentation`.

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

            Every message passes one funnel, and each exit from it is counted. `ledger_residual` is the difference between
            the two sides of an equation, and 0 when every message is accounted for:

            | equation | residual | meaning |
            | --- | --- | --- |
            | `ingress` | received − (accepted + Σ rejected + duplicate + pending) | \(LedgerEquation.ingress.meaning) |
            | `routing` | router_matches_local − (copies{local} + copies{will}) | \(LedgerEquation.routing.meaning) |
            | `delivery` | Σ copies + loaded − (delivered + Σ drops + handed_over + queued + inflight + output + (posted − taken)) | \(LedgerEquation.delivery.meaning) |
            | `transit` | posted − taken | \(LedgerEquation.transit.meaning) |
            | `storage` | (loaded + stored − deleted) − store_copies | \(LedgerEquation.storage.meaning) |
            | `queue` | queue_message_in − (out + drop + unhandled) − (queued + inflight + output) | \(LedgerEquation.queue.meaning) |

            Here `queued` is `queued_messages`, `inflight` is `inflight_messages`, `output` is `output_messages` and `pending` is
            `ledger_pending_publishes`.

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
