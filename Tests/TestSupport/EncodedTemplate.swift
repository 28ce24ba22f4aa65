package import MQTTCodec

extension PublishEncoder {
    /// Encodes the packet into `template`, replacing what it held.
    ///
    /// - Returns: the offset of the packet identifier, 0 with QoS 0; nil, with an empty template, when there is no such
    ///   packet.
    package func encode(template: inout [UInt8]) -> Int? {
        template = []
        guard let count = templateByteCount(leavesPayloadOut: false) else { return nil }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { block.deallocate() }
        guard let base = block.baseAddress else { return nil }
        let offset = encode(template: base, leavesPayloadOut: false)
        template = Array(block)
        return offset
    }
}
