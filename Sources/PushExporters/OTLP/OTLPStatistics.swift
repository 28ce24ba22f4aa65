package import BrokerMetrics
import Synchronization

/// How an export ended. Each is a counter on `/metrics`.
package enum OTLPExportResult: Int, CaseIterable, Sendable {
    case accepted
    /// Some points were rejected.
    case partial
    /// The receiver will not have it.
    case refused
    /// No success before the next export.
    case givenUp
    /// The answer says success, and is no OTLP.
    case unconfirmed

    /// As `otlp_exports_total{result}` shows it.
    package var label: String { self == .givenUp ? "given_up" : "\(self)" }
}

/// What the OTLP exporter counts: written by its thread, read by any.
package final class OTLPStatistics: Sendable {
    /// The numbers of one moment.
    package struct Counts: Sendable {
        /// By `OTLPExportResult.rawValue`.
        package var exports = [Int](repeating: 0, count: OTLPExportResult.allCases.count)
        /// By `OTLPRequestResult.rawValue`.
        package var requests = [Int](repeating: 0, count: OTLPRequestResult.allCases.count)
        /// Requests that were sent again.
        package var retries = 0
        /// Bytes of the bodies of requests that were answered.
        package var sentBytes = 0
        /// Data points that were accepted.
        package var points = 0
        /// Data points that the receiver said it rejected.
        package var rejectedPoints = 0
        /// When an export was last accepted, if only in part, in milliseconds since 1970; 0 for never.
        package var lastSuccess: Int64 = 0
    }

    private let counts = Mutex(Counts())
    /// Nanoseconds that requests took.
    package let requests = SharedHistogram()

    /// The numbers now.
    package var reading: Counts { counts.withLock { $0 } }

    func update(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }
}
