import MQTTCodec
import Primitives

extension OutputPacket {
    /// The MQTT packet that begins at the front of `bytes`; a PUBLISH of QoS 0 is counted.
    init(measuring bytes: RawSpan) {
        let limit = FixedHeader.largestRemainingLength
        guard let header = try? FixedHeader.decode(bytes, maximumRemainingLength: limit) else {
            // Not reached: we wrote it ourselves.
            self.init(byteCount: bytes.byteCount, isCounted: false)
            return
        }
        self.init(
            byteCount: header.packetByteCount,
            isCounted: header.type == .publish && header.flags & 0b0110 == 0)
    }
}
