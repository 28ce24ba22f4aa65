package import BrokerMetrics
import Synchronization

/// The certificates of all listeners as they are in force, whatever kind of listener has them: for `/status`, `/metrics` and alerts.
package final class ListenerCertificates: Sendable {
    /// Those of one listener.
    package struct Entry: Sendable {
        /// Its name in the configuration.
        package var listener: String
        /// `https`, `mqtts`.
        package var type: String
        /// Its own, and those of the authorities that it trusts.
        package var certificates: [Certificate]

        package init(listener: String, type: String, certificates: [Certificate]) {
            self.listener = listener
            self.type = type
            self.certificates = certificates
        }
    }

    private let entries = Mutex<[Entry]>([])

    /// No listener has any.
    package init() {}

    /// Notes what a listener proves itself with now, in place of what it had.
    package func set(_ entry: Entry) {
        entries.withLock { entries in
            entries.removeAll { $0.listener == entry.listener && $0.type == entry.type }
            if !entry.certificates.isEmpty { entries.append(entry) }
        }
    }

    /// Forgets a listener that has ended.
    package func remove(listener: String, type: String) {
        set(Entry(listener: listener, type: type, certificates: []))
    }

    /// In the order in which the listeners came.
    package var all: [Entry] { entries.withLock { $0 } }

    /// The end of each file's first certificate to end. Any thread.
    package func read(_ reading: inout RoomReading) {
        for entry in all {
            var ends: [(file: String, notAfter: Int64)] = []
            for certificate in entry.certificates {
                if let place = ends.firstIndex(where: { $0.file == certificate.file }) {
                    ends[place].notAfter = min(ends[place].notAfter, certificate.notAfter)
                } else {
                    ends.append((certificate.file, certificate.notAfter))
                }
            }
            for (file, notAfter) in ends {
                reading.add(
                    CertificateMetrics.expiry,
                    ["listener": entry.listener, "type": entry.type, "file": file], notAfter)
            }
        }
    }
}

/// The metrics of the listeners' certificates.
package enum CertificateMetrics {
    static let expiry = MetricFamily.gauge(
        "listener_certificate_expiry_timestamp_seconds", .seconds,
        [.open("listener"), .open("type"), .open("file")],
        help:
            "When the first certificate of a listener's file ends, since 1970-01-01 UTC: its own, or one of an authority that it trusts."
    )

    /// What `docs/metrics.md` lists, whether the room runs or not.
    package static let room = MetricRoom("Certificates", [expiry])
}
