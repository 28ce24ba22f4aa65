/// Questions to hooks that are not answered yet, as far as they are about clients without a session; a session keeps its
/// own.
struct HookQuestions {
    /// Looks at every answer before it is used.
    let check: HookAnswerCheck
    /// The way of later answers.
    let door: HookDoor
    private var handshakes: [UInt64: ConnectHandshake] = [:]
    private var lastSerial: UInt64 = 0

    init(_ check: HookAnswerCheck, _ door: HookDoor) {
        self.check = check
        self.door = door
    }

    /// Each question has a number of its own; never 0.
    @inline(__always)
    mutating func takeSerial() -> UInt64 {
        lastSerial &+= 1
        return lastSerial
    }

    /// The handshake waits for the answer with this number.
    mutating func keep(_ handshake: ConnectHandshake, _ serial: UInt64) { handshakes[serial] = handshake }

    /// - Returns: the handshake that waited for the answer with this number; nil = none does any more.
    @discardableResult
    mutating func takeHandshake(_ serial: UInt64) -> ConnectHandshake? {
        handshakes.isEmpty ? nil : handshakes.removeValue(forKey: serial)
    }

    mutating func forgetHandshakes() { handshakes = [:] }
}
