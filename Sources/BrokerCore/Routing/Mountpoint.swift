package import Primitives
import Synchronization

/// A name space for client ids, topics and retained messages: a message does not get from one mountpoint to another. It
/// is an integer that stands for the name, so that two are compared quickly.
///
/// Names are compared byte by byte. The table of names is shared by the process and only grows: mountpoints
/// come from listeners and authentication results, of which there are few.
package struct Mountpoint: Hashable, Sendable, BitwiseCopyable {
    /// Counts up from 0 in the order of first use, so it serves as an index.
    package let id: UInt32

    /// The mountpoint named "", where a client lives unless something says otherwise.
    package static let `default` = Mountpoint(id: 0)

    private init(id: UInt32) {
        self.id = id
    }

    /// The mountpoint called `name`: the same value for the same bytes each time. Any thread.
    package static func intern(_ name: UTF8Text) -> Mountpoint {
        guard !name.isEmpty else { return .default }
        let id = interned.withLock { $0.intern(name) }
        return Mountpoint(id: id)
    }

    /// The mountpoint called `name`, for who asks what is there. A name that nobody has used is not kept, so that questions
    /// do not fill the table: it leads to a mountpoint where nothing ever is. Any thread.
    package static func named(_ name: UTF8Text) -> Mountpoint {
        interned.withLock { $0.ids[name] }.map(Mountpoint.init) ?? .nowhere
    }

    private static let nowhere = Mountpoint(id: .max)

    /// Every mountpoint that was ever named. Any thread.
    package static var all: [Mountpoint] {
        interned.withLock { (0..<UInt32($0.names.count)).map { Mountpoint(id: $0) } }
    }

    /// The name that was interned. Any thread.
    package var name: UTF8Text {
        guard id != 0, self != .nowhere else { return "" }
        return interned.withLock { $0.names[Int(id)] }
    }
}

/// Every mountpoint's name, by id. Its lock is held for one look-up and nothing else is called under it.
private let interned = Mutex(MountpointNames())

private struct MountpointNames {
    var names: [UTF8Text] = [""]
    var ids: [UTF8Text: UInt32] = ["": 0]

    mutating func intern(_ name: UTF8Text) -> UInt32 {
        if let id = ids[name] { return id }
        let id = UInt32(names.count)
        names.append(name)
        ids[name] = id
        return id
    }
}
