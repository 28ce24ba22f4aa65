import CLevelDB
import Glibc
import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore
@testable import Storage

@Suite struct StoreInspectionTests {
    /// A closed store with some of everything.
    private func folder() throws -> TestFolder {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            $0.add(session: 2)
            $0.add("one", number: 2, for: [1], deadline: time(in: 100))
            $0.add("both", number: 3, for: [1, 2])
            $0.append(.received(session: 1, packetIdentifier: 4))
            $0.append(
                .flight(
                    session: 1, number: 2, packetIdentifier: 1, isReleased: false, expiryDeadline: nil))
            $0.append(
                .subscribe(
                    session: 1,
                    Subscription(
                        filter: "f", options: SubscriptionOptions(qos: .atMostOnce), identifier: 0),
                    isNew: true))
            $0.append(.retain(message("r", isRetained: true), isNew: true))
            $0.add(will: 4)
        }
        store.close()
        return store.folder
    }

    private func settings(_ folder: TestFolder) -> StoreSettings {
        StoreSettings(directory: "\(folder.path)/store")
    }

    @Test func `how far it has come is told every ten thousand rows`() throws {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            for number in 1...12_000 as ClosedRange<UInt64> { $0.add("x", number: number << 1, for: [1]) }
        }
        store.close()
        var told: [Int] = []
        #expect(try StoreInspection.check(settings(store.folder)) { told.append($0) }.isSound)
        #expect(told == [10_000])
        told = []
        _ = try StoreInspection.repair(settings(store.folder)) { told.append($0) }
        #expect(told == [10_000])
    }

    private func error(_ body: () throws -> Void) -> StoreError? {
        do {
            try body()
            return nil
        } catch { return error as? StoreError }
    }

    // MARK: Check and repair

    @Test func `a sound store is found sound, with its rows counted`() throws {
        let folder = try folder()
        for findings in [
            try StoreInspection.check(settings(folder)), try StoreInspection.repair(settings(folder)),
        ] {
            #expect(findings.isSound && findings.problems.isEmpty && findings.leftovers == 0)
            #expect(findings.counts == [3, 1, 2, 1, 1, 1, 1])
        }
        #expect(try TestStore(folder).load(1).copies.map { $0.message?.text } == ["one", "both"])
    }

    @Test func `repair of a sound store changes no row`() throws {
        let first = try folder()
        func all() throws -> [[UInt8]] {
            let cursor = try StoreFile(first).database.cursor()
            cursor.seek(StoreKey(.layout))
            var rows: [[UInt8]] = []
            while let key = try cursor.key() {
                rows.append(key + cursor.value)
                cursor.next()
            }
            return rows
        }
        let before = try all()
        _ = try StoreInspection.repair(settings(first))
        #expect(try all() == before)
    }

    private static let keys: [StoreKey] = [
        StoreKey(.session, 2), StoreKey(.copy, 1, 2), StoreKey(.copy, 2, 3), StoreKey(.flight, 1, 2),
        StoreKey(received: 1, 4), StoreKey(subscription: 1, Array("f".utf8)), StoreKey(.body, 3),
        StoreKey(retained: [], Array("t".utf8)),
    ]

    @Test(arguments: keys.indices)
    func
        `a row with a flipped bit is found, keeps the broker from starting or is lost alone, and repair removes it`(
            _ index: Int
        ) throws
    {
        let folder = try folder()
        let key = Self.keys[index]
        try StoreFile(folder).flip(key)
        let findings = try StoreInspection.check(settings(folder))
        #expect(!findings.isSound)
        #expect(findings.problems.contains("row \(key.bytes.shownAsKey): its checksum does not fit"))
        // The body is looked at only when it is loaded.
        if key != StoreKey(.body, 3) {
            let error = error { _ = try TestStore(folder) }
            #expect(error?.text.contains(key.bytes.shownAsKey) == true)
            #expect(error?.advice.contains("store repair") == true)
        }
        #expect(try !StoreInspection.repair(settings(folder)).isSound)
        #expect(try !StoreFile(folder).has(key))
        let after = try StoreInspection.check(settings(folder))
        #expect(after.isSound && after.leftovers == 0)
        let store = try TestStore(folder)
        for session in store.sessions {
            let loaded = try store.load(session.session.number)
            #expect(loaded.lostCount == 0 && loaded.copies.count == session.copyCount)
        }
    }

    @Test func `a missing body is found, and repair removes its copies`() throws {
        let folder = try folder()
        try StoreFile(folder).delete(StoreKey(.body, 3))
        #expect(try StoreInspection.check(settings(folder)).problemCount == 2)
        _ = try StoreInspection.repair(settings(folder))
        #expect(try StoreInspection.check(settings(folder)).isSound)
        let store = try TestStore(folder)
        #expect(store.sessions.map(\.copyCount) == [1, 0])
    }

    @Test func `repair leaves no count of a body that is gone`() throws {
        let folder = try folder()
        try StoreFile(folder).delete(StoreKey(.body, 3))
        _ = try StoreInspection.repair(settings(folder))
        let isLeft = try StoreFile(folder).has(StoreKey(.references, 3))
        #expect(!isLeft)
    }

    @Test func `copies that have their body under another number are sound, and repair counts them`() throws {
        let store = try TestStore()
        try store.commit {
            $0.add(session: 1)
            _ = $0.kill($0.add("x", numbers: [3, 5, 7], for: 1)[0])
        }
        store.close()
        let folder = store.folder
        #expect(try StoreInspection.check(settings(folder)).isSound)
        #expect(try StoreInspection.check(settings(folder)).leftovers == 0)
        // Neither number nor count of the body.
        try StoreFile(folder).delete(StoreKey(.references, 3))
        #expect(
            try StoreInspection.check(settings(folder)).problems
                == ["message 3: 2 copies, but none counted"])
        _ = try StoreInspection.repair(settings(folder))
        #expect(try StoreInspection.check(settings(folder)).isSound)
        #expect(try TestStore(folder).load(1).copies.map { $0.message?.text } == ["x", "x"])
        // A number whose copy is gone.
        try StoreFile(folder).delete(StoreKey(.copy, 1, 7))
        _ = try StoreInspection.repair(settings(folder))
        let isLeft = try StoreFile(folder).has(StoreKey(.references, 7))
        #expect(!isLeft)
        // A number that does not say where its body is.
        try StoreFile(folder).delete(StoreKey(.references, 5))
        #expect(try StoreInspection.check(settings(folder)).problems.count == 1)
        _ = try StoreInspection.repair(settings(folder))
        let last = try TestStore(folder)
        #expect(last.sessions.map(\.copyCount) == [0] && last.present(.bodies) == 0)
    }

    @Test(arguments: [nil, 1, 3] as [UInt32?])
    func `a wrong count of a shared body is found, and repair puts it right`(_ count: UInt32?) throws {
        let folder = try folder()
        let key = StoreKey(.references, 3)
        var rows = Rows(line: TimeLine(offset: 0))
        try StoreFile(folder).write { batch in
            if let count {
                batch.put(key, rows.references(key, Rows.References(count: count)))
            } else {
                batch.delete(key)
            }
        }
        let findings = try StoreInspection.check(settings(folder))
        #expect(
            findings.problems == [
                "message 3: 2 copies, but \(count.map { "\($0)" } ?? "none") counted"
            ])
        _ = try StoreInspection.repair(settings(folder))
        let store = try TestStore(folder)
        try store.commit { $0.remove(3, of: 1) }
        #expect(try store.load(2).copies.map { $0.message?.text } == ["both"])
        try store.commit { $0.remove(3, of: 2) }
        #expect(store.present(.bodies) == 0)
    }

    @Test func `a flight without its copy is a leftover, and goes with a copy that repair removes`() throws {
        let folder = try folder()
        let copy = StoreKey(.copy, 1, 2)
        try StoreFile(folder).flip(copy)
        let found = try StoreInspection.repair(settings(folder))
        #expect(found.problems.count == 1 && found.leftovers == 0)
        #expect(try !StoreFile(folder).has(StoreKey(.flight, 1, 2)))

        let other = try self.folder()
        try StoreFile(other).delete(copy)
        let findings = try StoreInspection.check(settings(other))
        #expect(findings.isSound && findings.leftovers == 1)
        _ = try StoreInspection.repair(settings(other))
        #expect(try StoreInspection.check(settings(other)).leftovers == 0)
        #expect(try !StoreFile(other).has(StoreKey(.flight, 1, 2)))
    }

    @Test func `leftovers of a crash are no problem, and repair removes them`() throws {
        let folder = try folder()
        try StoreFile(folder).delete(StoreKey(.session, 2))
        let findings = try StoreInspection.check(settings(folder))
        #expect(findings.leftovers == 1)
        _ = try StoreInspection.repair(settings(folder))
        let after = try StoreInspection.check(settings(folder))
        #expect(after.isSound && after.leftovers == 0)
        #expect(try TestStore(folder).found.orphans == 0)
    }

    // MARK: Layout

    private func layout(_ version: UInt32) -> [UInt8] {
        var writer = RowWriter()
        writer.begin(format: 1)
        writer.write(version)
        writer.end(.layout)
        return writer.bytes
    }

    @Test func `a store without its layout version is refused, and repair puts it back`() throws {
        let folder = try folder()
        try StoreFile(folder).delete(.layout)
        for error in [
            error { _ = try TestStore(folder) },
            error { _ = try StoreInspection.check(settings(folder)) },
        ] {
            #expect(error?.text == "this LevelDB was not written by this broker: it has no layout version")
            #expect(error?.advice == "give the broker an empty platform_data_dir")
        }
        _ = try StoreInspection.repair(settings(folder))
        #expect(try TestStore(folder).sessions.count == 2)
    }

    @Test func `a damaged layout version is refused, and repair writes it anew`() throws {
        let folder = try folder()
        try StoreFile(folder).flip(.layout)
        let error = error { _ = try TestStore(folder) }
        #expect(error?.text == "its layout version is damaged: its checksum does not fit")
        #expect(error?.advice.contains("store repair") == true)
        _ = try StoreInspection.repair(settings(folder))
        #expect(try TestStore(folder).sessions.count == 2)
    }

    @Test func `a later layout is refused and left as it is, by repair too`() throws {
        let folder = try folder()
        let later = layout(StoreLayout.version + 1)
        try StoreFile(folder).write { $0.put(.layout, later) }
        for error in [
            error { _ = try TestStore(folder) },
            error { _ = try StoreInspection.check(settings(folder)) },
            error { _ = try StoreInspection.repair(settings(folder)) },
        ] {
            #expect(error?.text == "its layout is version 4; this broker knows versions up to 3")
            #expect(error?.advice.contains("newer broker") == true)
        }
        #expect(try StoreFile(folder).database.value(of: .layout) == later)
    }

    @Test func `another program's LevelDB is refused and left as it is`() throws {
        let folder = TestFolder()
        let options = leveldb_options_create()
        leveldb_options_set_create_if_missing(options, 1)
        var failure: UnsafeMutablePointer<CChar>?
        let foreign = leveldb_open(options, settings(folder).directory, &failure)
        // No row of ours begins with this byte.
        leveldb_put(foreign, leveldb_writeoptions_create(), "\u{7F}key", 4, "value", 5, &failure)
        leveldb_close(foreign)
        for error in [
            error { _ = try TestStore(folder) },
            error { _ = try StoreInspection.check(settings(folder)) },
            error { _ = try StoreInspection.repair(settings(folder)) },
        ] {
            #expect(error?.text == "this LevelDB was not written by this broker: it has no layout version")
        }
        #expect(try !StoreFile(folder).has(.layout))
    }

    // MARK: Errors that a person can act on

    @Test func `a second broker on the same directory is told so`() throws {
        let store = try TestStore()
        let error = error { _ = try TestStore(store.folder) }
        #expect(error?.operation == "open the store")
        #expect(error?.path == "\(store.folder.path)/store")
        #expect(error?.advice.hasPrefix("another broker, or vernemq store, uses this directory") == true)
        #expect(error?.advice.hasSuffix("its own platform_data_dir") == true)
        #expect(
            error.map { "\($0)".hasPrefix("cannot open the store: \(store.folder.path)/store: ") } == true)
    }

    @Test func `a file in place of the directory is named`() throws {
        let folder = TestFolder()
        close(open("\(folder.path)/store", O_CREAT | O_WRONLY, 0o600))
        let inside = error { _ = try TestStore(folder, directory: "store/inside") }
        #expect(inside?.operation == "make the store's directory")
        #expect(inside?.path == "\(folder.path)/store/inside")
        #expect(inside?.text == "Not a directory")
        let itself = error { _ = try TestStore(folder) }
        #expect(itself?.operation == "open the store")
        #expect(itself?.text.contains("Not a directory") == true)
    }

    @Test(arguments: [
        ("IO error: /x/000003.log: No space left on device", "make room on its filesystem", 0),
        ("IO error: x: Disk quota exceeded", "make room on its filesystem", 0),
        ("IO error: lock /x/LOCK: Resource temporarily unavailable", "another broker, or", 2),
        ("IO error: lock /x/LOCK: already held by process", "another broker, or", 2),
        ("IO error: /x/LOCK: Permission denied", "the broker's user needs", 2),
        ("IO error: /x/LOCK: Read-only file system", "mount its filesystem for writing", 2),
        ("Corruption: 3 missing files; e.g.: /x/000005.ldb", "run `vernemq store repair`", 1),
        ("Corruption: block checksum mismatch", "run `vernemq store repair`", 1),
        ("Invalid argument: CURRENT file does not end with newline", "run `vernemq store repair`", 2),
        ("something else", "", 2),
    ])
    func `what LevelDB says comes with advice, and is counted by kind`(
        _ text: String, _ advice: String, _ kind: Int
    ) {
        let error = Database.explain("write to the store", "/x", text)
        #expect(advice.isEmpty ? error.advice.isEmpty : error.advice.contains(advice))
        #expect(StoreErrorKind(error).rawValue == kind)
        #expect("\(error)".hasPrefix("cannot write to the store: /x: \(text)"))
    }
}
