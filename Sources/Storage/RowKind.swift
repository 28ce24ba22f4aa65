/// The kinds of rows in the store, by the first byte of their keys. All numbers in keys are big endian, so rows stand in
/// the order of their numbers. `docs/storage.md` has the whole layout.
enum RowKind: UInt8, CaseIterable {
    /// `layout` → the version of this layout.
    case layout = 0x00
    /// message → body shared by several copies.
    case body = 0x62  // b
    /// message → how many copies of the body are left, and under which number it lies if not this one.
    case references = 0x6E  // n
    /// session, message → a copy: its terms, and its body unless that is shared.
    case copy = 0x63  // c
    /// session, message → the identifier the copy was sent with, and whether PUBREC has come.
    case flight = 0x66  // f
    /// session, identifier → a QoS 2 message was received and not released.
    case received = 0x69  // i
    /// mountpoint, topic → retained message.
    case retained = 0x72  // r
    /// session → who it is, its expiry and will.
    case session = 0x73  // s
    /// session, filter → options.
    case subscription = 0x75  // u
    /// The time line: an instant, and what the wall clock said then.
    case checkpoint = 0x74  // t
    /// number → the will of a connected client whose session ends with its connection.
    case will = 0x77  // w
    /// deadline, session, message: the copy expires then.
    case due = 0x78  // x
}

/// What is counted by kind: a closed set, for labels.
package enum StoredKind: Int, CaseIterable, Sendable {
    /// The rows of these kinds in `RowKind`. `received` counts identifiers of QoS 2 messages that were received
    /// and not released, `wills` those wills whose session ends with its connection.
    case copies, bodies, sessions, subscriptions, retained, received, wills

    /// The value of the label `kind` in the metrics of the store.
    package var label: String {
        switch self {
        case .copies: "copies"
        case .bodies: "bodies"
        case .sessions: "sessions"
        case .subscriptions: "subscriptions"
        case .retained: "retained"
        case .received: "received_ids"
        case .wills: "wills"
        }
    }

    init?(_ kind: RowKind) {
        switch kind {
        case .copy: self = .copies
        case .body: self = .bodies
        case .session: self = .sessions
        case .subscription: self = .subscriptions
        case .retained: self = .retained
        case .received: self = .received
        case .will: self = .wills
        case .layout, .references, .flight, .checkpoint, .due: return nil
        }
    }
}
