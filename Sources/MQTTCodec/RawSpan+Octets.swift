extension RawSpan {
    /// The byte at `index`, which the caller knows to be inside; anything else stops the process.
    ///
    /// In this module and not in a library below, because only so is it inlined: as a call it was a fifth of
    /// the time of decoding a PUBLISH.
    @inline(__always)
    func octet(at index: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    /// Two bytes, the first in the upper half.
    @inline(__always)
    func bigEndianUInt16(at index: Int) -> UInt16 {
        UInt16(octet(at: index)) << 8 | UInt16(octet(at: index &+ 1))
    }

    /// Eight bytes, the first in the lowest bits.
    @inline(__always)
    func littleEndianUInt64(at index: Int) -> UInt64 {
        unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
}
