/// The fields of a form in the body of a request: `application/x-www-form-urlencoded`.
extension HTTPRequest {
    /// Why a body was not read as a form.
    package enum FormError: Error, Hashable, CustomStringConvertible, Sendable {
        /// Its Content-Type is another one, or there is none.
        case notAForm
        /// It has more fields than this.
        case tooManyItems(Int)

        /// For the person at the other end.
        package var description: String {
            switch self {
            case .notAForm: "The body is not application/x-www-form-urlencoded."
            case .tooManyItems(let limit): "The body has more than \(limit) fields."
            }
        }
    }

    /// The fields of the body, in their order; none when there is no body.
    package func formItems(limit: Int = 1_000) throws(FormError) -> [QueryItem] {
        guard !body.isEmpty else { return [] }
        let type = header("Content-Type")?.prefix { $0 != ";" }.filter { !$0.isWhitespace } ?? ""
        guard Self.isSame(type, "application/x-www-form-urlencoded") else { throw .notAForm }
        // Counted before memory is taken for each.
        var count = 0
        var isInItem = false
        for byte in body {
            if byte == UInt8(ascii: "&") {
                isInItem = false
            } else if !isInItem {
                isInItem = true
                count += 1
            }
        }
        guard count <= limit else { throw .tooManyItems(limit) }
        return Self.items(body[...])
    }
}
