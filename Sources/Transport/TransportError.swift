import CSystem

/// Why a socket, or what a loop needs, could not be set up.
package struct TransportError: Error, Sendable, CustomStringConvertible {
    /// What was tried: "listen on 127.0.0.1:1883".
    package let operation: String
    /// The kernel's error number; 0 when the kernel was not asked.
    package let errorNumber: Int32
    /// What the reader can do about it, or what happens next.
    package let advice: String

    /// An error with these parts.
    package init(_ operation: String, errorNumber: Int32, advice: String) {
        self.operation = operation
        self.errorNumber = errorNumber
        self.advice = advice
    }

    /// One line for the log.
    package var description: String {
        errorNumber == 0
            ? "cannot \(operation): \(advice)"
            : "cannot \(operation): \(Self.text(of: errorNumber)): \(advice)"
    }

    /// The kernel's words for an error number: "Address already in use".
    package static func text(of errorNumber: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress else { return "error \(errorNumber)" }
            csystem_error_text(errorNumber, base, buffer.count)
            return String(cString: base)
        }
    }
}
