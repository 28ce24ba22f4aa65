/// Collects the bytes of a renderer, and hands them on in pieces of some size.
final class ByteSink {
    /// Takes bytes; false = the reader has gone.
    typealias Writer = ([UInt8]) -> Bool

    private var buffer: [UInt8] = []
    private let writer: Writer
    private let isGone: () -> Bool
    private var hasFailed = false

    /// The reader has gone: nothing is written any more.
    var isClosed: Bool { hasFailed || isGone() }

    /// A piece is handed on when it has grown to this.
    private static let pieceSize = 32_768

    /// - Parameter isGone: whether the reader has gone while nothing was written.
    init(isGone: @escaping () -> Bool = { false }, _ writer: @escaping Writer) {
        self.isGone = isGone
        self.writer = writer
    }

    func append(_ text: String) {
        buffer.append(contentsOf: text.utf8)
        handOnWhatIsLarge()
    }

    func append(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        handOnWhatIsLarge()
    }

    /// Hands on what there is.
    func flush() {
        guard !buffer.isEmpty else { return }
        if !hasFailed, !writer(buffer) { hasFailed = true }
        buffer.removeAll(keepingCapacity: true)
    }

    private func handOnWhatIsLarge() {
        if buffer.count >= Self.pieceSize { flush() }
    }
}
