import Glibc

/// Which addresses are believed: `any`, or addresses and networks such as `10.0.0.0/8` between commas, semicolons or blanks.
package enum NetworksSetting: Equatable, Sendable {
    /// Every address.
    case any
    /// Addresses, each with the number of its leading bits that count.
    case listed([(address: String, prefix: Int)])

    /// - Returns: nil when a part is neither an address nor a network.
    package init?(_ text: String) {
        guard text != "any" else {
            self = .any
            return
        }
        var listed: [(address: String, prefix: Int)] = []
        for part in text.split(whereSeparator: { ",; ".contains($0) }) {
            let halves = part.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard halves.count <= 2, let width = Self.bitWidth(halves[0]) else { return nil }
            var prefix = width
            if halves.count == 2 {
                guard halves[1].allSatisfy(\.isASCIIDigit), let number = Int(halves[1]), number <= width
                else {
                    return nil
                }
                prefix = number
            }
            listed.append((halves[0], prefix))
        }
        self = .listed(listed)
    }

    /// 32 or 128; nil = no address.
    private static func bitWidth(_ host: String) -> Int? {
        var address = in6_addr()
        func isAddress(_ family: Int32) -> Bool {
            unsafe withUnsafeMutablePointer(to: &address) { unsafe inet_pton(family, host, $0) } == 1
        }
        return isAddress(AF_INET) ? 32 : isAddress(AF_INET6) ? 128 : nil
    }

    package static func == (left: NetworksSetting, right: NetworksSetting) -> Bool {
        switch (left, right) {
        case (.any, .any): true
        case (.listed(let left), .listed(let right)): left.elementsEqual(right) { $0 == $1 }
        default: false
        }
    }
}
