/// A part of a packet's body: where it begins and how long it is. Carries no bytes itself.
public struct ByteRange: Sendable, BitwiseCopyable, Equatable {
    /// From the first byte of the body, which is the byte after the fixed header.
    public let offset: Int
    /// In bytes.
    public let count: Int

    /// A part of `count` bytes from `offset` on.
    public init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    /// The first byte behind.
    @inlinable public var end: Int { offset &+ count }

    /// Whether it has no bytes.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// The bytes of this range in `body`, which must be the body it was decoded from.
    @inlinable @_lifetime(copy body)
    public func bytes(in body: RawSpan) -> RawSpan {
        body.extracting(offset..<end)
    }
}
