/// The mask of a frame: each byte of the payload is combined with one of four in turn [RFC 6455, 5.3].
enum Mask {
    /// Unmasks (or masks) `count` bytes at `source` and writes them to `target`, 32 at a time.
    ///
    /// - Parameter target: `source` or a place before it. Each piece is read before it is written, and what
    ///   is written
    ///   lies before all that has not been read.
    @inline(__always)
    static func apply(
        _ key: UInt32, from source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, count: Int
    ) {
        let word = UInt64(key) &<< 32 | UInt64(key)
        var index = 0
        let wide = SIMD4<UInt64>(repeating: word.littleEndian)
        while count &- index >= 32 {
            let bytes = unsafe source.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self) ^ wide
            unsafe target.storeBytes(of: bytes, toByteOffset: index, as: SIMD4<UInt64>.self)
            index &+= 32
        }
        while count &- index >= 8 {
            let bytes =
                unsafe source.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ word.littleEndian
            unsafe target.storeBytes(of: bytes, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        var rest = word
        while index < count {
            let byte = unsafe source.load(fromByteOffset: index, as: UInt8.self)
            unsafe target.storeBytes(
                of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: index, as: UInt8.self)
            rest &>>= 8
            index &+= 1
        }
    }

    /// The key as it goes on after `count` bytes.
    @inline(__always)
    static func rotate(_ key: UInt32, by count: Int) -> UInt32 {
        let shift = UInt32(truncatingIfNeeded: count & 3) &* 8
        return key &>> shift | key &<< (32 &- shift)
    }
}
