import Admin
import BrokerCore
import Listeners
import Primitives

/// `tls …`. What listeners use is shown, not what is in the files now: a file that was replaced is no certificate in force.
extension Control {
    static var tlsHandlers: [String: Handler] {
        [
            "tls show": { control, _, output in
                output.table(
                    ["File", "Not_Before", "Not_After", "CN", "Issuer", "SAN"],
                    control.certificates.map { certificate in
                        [
                            .text(certificate.file), .text(LocalTime.utcText(certificate.notBefore)),
                            .text(LocalTime.utcText(certificate.notAfter)), .text(certificate.commonName),
                            .text(certificate.issuer), .text(certificate.alternativeNames),
                        ]
                    })
            },
            "tls check": { try $0.checkCertificates($1, $2) },
            "tls clear-pem-cache": { control, _, output in
                let problems = control.mqttListeners.reload(onlyChanged: false)
                guard problems.isEmpty else {
                    throw AdminFailure(
                        .failed, "Can't read certificates: " + problems.joined(separator: "; "))
                }
                // An HTTPS listener keeps what it has read at its start.
                let kept = control.pageListeners.rows.count { $0.tls != nil }
                output.text(
                    kept == 0
                        ? "Done"
                        : "Done; \(kept) HTTPS \(kept == 1 ? "listener reads its" : "listeners read their") files again when \(kept == 1 ? "it is" : "they are") stopped and started"
                )
            },
        ]
    }

    private func checkCertificates(_ invocation: Invocation, _ output: any AdminOutput) throws {
        let validity = Int64(invocation.integer("validity") ?? 172_800)
        let now = runtime.broker.clock.wallMilliseconds / 1000
        let rows = certificates.filter { $0.isToBeLookedAt(at: now, within: validity) }.map {
            certificate -> [Cell] in
            let left = certificate.notAfter - now
            return [
                .text(certificate.file), .text(LocalTime.utcText(certificate.notBefore)),
                .text(LocalTime.utcText(certificate.notAfter)), .integer(Int(left)),
                .integer(Int(max(0, certificate.notBefore - now))),
            ]
        }
        guard !rows.isEmpty else {
            output.text("All fine")
            return
        }
        output.table(["File", "Not_Before", "Not_After", "SecExp", "SecToVal"], rows)
    }

    /// Each once, though several listeners have it.
    private var certificates: [Certificate] {
        var seen: [Certificate] = []
        for certificate in listenerRows.flatMap({ $0.tls?.certificates ?? [] })
        where !seen.contains(certificate) {
            seen.append(certificate)
        }
        return seen
    }
}
