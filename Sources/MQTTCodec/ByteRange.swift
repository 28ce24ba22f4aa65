/// A part of a packet's body: where it begins and how long it is. Carries no bytes itself.
package struct ByteRange: Sendable, BitwiseCopyable, Equatable {
    /// From the first byte of the body, which is the byte after the fixed header.
    package let offset: Int
    /// In bytes.
    package let count: Int

    /// A part of `count` bytes from `offset` on.
    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    /// The first byte behind.
    @inlinable package var end: Int { offset &+ count }

    /// Whether it has no bytes.
    @inlinable package var isEmpty: Bool { count == 0 }

    /// The bytes of this range in `body`, which must be the body it was decoded from.
    @inlinable @_lifetime(copy body)
    package func bytes(in body: RawSpan) -> RawSpan {
        body.extracting(offset..<end)
    }
}
