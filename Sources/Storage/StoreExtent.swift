import BrokerCore
import Glibc

/// What must be in the store's directory. LevelDB itself takes a log that is missing, or was cut off, for one in which
/// nothing was: it would start without the sessions and messages in it and say nothing.
///
///     CURRENT → MANIFEST-n   LevelDB's list of files: names the oldest log that is still needed
///     EXTENT                 ours: how long the list and the youngest log were, a second ago at most
///
/// A log may be shorter than it was when the system has gone down since and `sync_on_write` is off: this is what that
/// setting risks, and no reason not to start.
struct StoreExtent: Equatable {
    /// A file's name and bytes.
    struct File: Equatable {
        var name: String
        var byteCount: Int64
    }

    var manifest: File
    var log: File
    /// The kernel's identifier of this start of the system.
    var boot: String

    static let fileName = "EXTENT"

    // MARK: Checking

    /// - Throws: when something is missing that was there.
    static func check(_ directory: String, _ names: [String], isSynced: Bool) throws(StoreError) {
        let noted = read(directory)
        guard names.contains("CURRENT") else {
            guard noted == nil else {
                throw StoreError(
                    operation: "open the store", path: directory, text: "all of its files are missing",
                    advice:
                        "put them back, or remove its file \(fileName) to begin with an empty store"
                )
            }
            return
        }
        guard let manifest = currentManifest(directory), let bytes = contents(directory + "/" + manifest)
        else {
            return  // LevelDB says it
        }
        let oldestLog = StoreManifest.oldestLog(bytes)
        if let oldestLog, oldestLog > 0, !names.contains(logName(oldestLog)) {
            throw lost(directory, "its log \(logName(oldestLog)) is missing")
        }
        guard let noted else { return }
        if noted.manifest.name == manifest, Int64(bytes.count) < noted.manifest.byteCount {
            throw lost(directory, "its file \(manifest) is shorter than it was")
        }
        guard let number = logNumber(noted.log.name), number >= oldestLog ?? 0 else { return }
        guard names.contains(noted.log.name) else {
            throw lost(directory, "its log \(noted.log.name) is missing")
        }
        let byteCount = size(directory + "/" + noted.log.name) ?? 0
        if byteCount < noted.log.byteCount, isSynced || noted.boot == bootIdentifier() {
            throw lost(directory, "its log \(noted.log.name) is shorter than it was")
        }
    }

    private static func lost(_ directory: String, _ text: String) -> StoreError {
        Database.explain("open the store", directory, "Corruption: \(text)")
    }

    // MARK: Noting

    /// How far the files go now; nil when there are none.
    static func look(_ directory: String, _ names: [String]) -> StoreExtent? {
        guard let manifest = currentManifest(directory), let manifestSize = size(directory + "/" + manifest),
            let log = names.compactMap(logNumber).max(), let logSize = size(directory + "/" + logName(log))
        else { return nil }
        return StoreExtent(
            manifest: File(name: manifest, byteCount: manifestSize),
            log: File(name: logName(log), byteCount: logSize), boot: bootIdentifier())
    }

    /// Replaces the file as a whole. One that cannot be written is no reason to stop: it is older then.
    func write(to directory: String) {
        let text =
            "\(manifest.name) \(manifest.byteCount)\n\(log.name) \(log.byteCount)\nboot \(boot)\n"
        let path = directory + "/" + Self.fileName
        let descriptor = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return }
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        if isWritten { rename(path + ".new", path) } else { unlink(path + ".new") }
    }

    static func remove(_ directory: String) { unlink(directory + "/" + fileName) }

    static func read(_ directory: String) -> StoreExtent? {
        guard let bytes = contents(directory + "/" + fileName) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: " ")
        }
        guard lines.count == 3, lines.allSatisfy({ $0.count == 2 }), let manifestSize = Int64(lines[0][1]),
            let logSize = Int64(lines[1][1])
        else { return nil }
        return StoreExtent(
            manifest: File(name: String(lines[0][0]), byteCount: manifestSize),
            log: File(name: String(lines[1][0]), byteCount: logSize), boot: String(lines[2][1]))
    }

    // MARK: Files

    private static func currentManifest(_ directory: String) -> String? {
        guard let bytes = contents(directory + "/CURRENT") else { return nil }
        let name = String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
        return name.hasPrefix("MANIFEST-") ? name : nil
    }

    private static func logName(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".log"
    }

    private static func logNumber(_ name: String) -> UInt64? {
        name.hasSuffix(".log") ? UInt64(name.dropLast(4)) : nil
    }

    private static func bootIdentifier() -> String {
        let bytes = contents("/proc/sys/kernel/random/boot_id") ?? []
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }

    private static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    private static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}

/// Reads what is needed of LevelDB's list of files: a log of changes, in its own format.
///
///     block of 32 KiB  [ sum 4 | length 2 | kind 1 | piece ] …      kind: 1 whole, 2 first, 3 middle, 4 last
///     change           [ tag | fields ] …                            numbers are varints
enum StoreManifest {
    private static let blockByteCount = 32_768

    /// The number of the oldest log that has not been made into tables; nil when the list cannot be read that far.
    static func oldestLog(_ bytes: [UInt8]) -> UInt64? {
        var found: UInt64?
        var change: [UInt8] = []
        var offset = 0
        while offset + 7 <= bytes.count {
            let left = blockByteCount - offset % blockByteCount
            guard left >= 7 else {
                offset += left
                continue
            }
            let length = Int(bytes[offset + 4]) | Int(bytes[offset + 5]) << 8
            let kind = bytes[offset + 6]
            let start = offset + 7
            guard kind >= 1, kind <= 4, start + length <= bytes.count else { break }
            if kind == 1 || kind == 2 { change.removeAll(keepingCapacity: true) }
            change.append(contentsOf: bytes[start..<start + length])
            if kind == 1 || kind == 4 {
                var reader = Reader(bytes: change)
                guard reader.read() else { return found }
                found = reader.log ?? found
            }
            offset = start + length
        }
        return found
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0
        /// What the change says of the oldest log.
        private(set) var log: UInt64?

        init(bytes: [UInt8]) { self.bytes = bytes }

        private mutating func number() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while offset < bytes.count, shift < 64 {
                let byte = bytes[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }

        private mutating func skipText() -> Bool {
            guard let length = number(), length <= UInt64(bytes.count - offset) else { return false }
            offset += Int(length)
            return true
        }

        /// - Returns: false when the change is of a form that is not known here.
        mutating func read() -> Bool {
            while offset < bytes.count {
                switch number() {
                case 1: guard skipText() else { return false }  // comparator
                case 2:
                    guard let value = number() else { return false }
                    log = value
                // next file, last sequence, previous log
                case 3, 4, 9: guard number() != nil else { return false }
                case 5: guard number() != nil, skipText() else { return false }  // compaction pointer
                case 6: guard number() != nil, number() != nil else { return false }  // file that went
                case 7:  // file that came
                    guard number() != nil, number() != nil, number() != nil, skipText(), skipText() else {
                        return false
                    }
                default: return false
                }
            }
            return true
        }
    }
}
