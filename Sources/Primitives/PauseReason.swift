/// Why a connection is not read at present. Reading goes on when no reason is left.
///
/// The transport only keeps the bits. Each module declares the reasons that it sets: bit 0 is `Transport`'s, the others
/// are `BrokerCore`'s (`ClientTransport.swift`).
public struct PauseReason: OptionSet, Sendable, BitwiseCopyable {
    /// One bit for each reason.
    public let rawValue: UInt16

    /// The reasons with these bits.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }
}
