import BrokerCore
import Glibc
import TestSupport
import Testing

@testable import Storage

/// A store whose files are not all there is never taken for an empty one.
@Suite struct StoreExtentTests {
    private let folder = TestFolder()
    private var settings: StoreSettings { StoreSettings(directory: folder.path) }

    /// A store with rows in a table and in the log, closed.
    private func fill() throws {
        for round in 0..<3 {
            let database = try Database(settings)
            let batch = DatabaseBatch()
            for number in 0..<100 {
                batch.put(StoreKey(.session, UInt64(round * 100 + number)), [UInt8](repeating: 7, count: 100))
            }
            try database.write(batch)
            database.noteExtent()
        }
    }

    private func names(_ suffix: String) -> [String] {
        TestFolder.names(in: folder.path).filter { $0.hasSuffix(suffix) || $0.hasPrefix(suffix) }.sorted()
    }

    private func shorten(_ name: String, to byteCount: Int) {
        #expect(truncate("\(folder.path)/\(name)", byteCount) == 0)
    }

    private func expectRefusal(_ sourceLocation: SourceLocation = #_sourceLocation) throws {
        let error = try #require(throws: StoreError.self, sourceLocation: sourceLocation) {
            _ = try Database(settings)
        }
        #expect(!error.advice.isEmpty, "\(error)", sourceLocation: sourceLocation)
    }

    @Test(arguments: ["log", "CURRENT", "MANIFEST-", "all"])
    func `a file that is missing is told, and the way to mend it`(_ kind: String) throws {
        try fill()
        let doomed = kind == "all" ? TestFolder.names(in: folder.path).filter { $0 != "EXTENT" } : names(kind)
        #expect(!doomed.isEmpty)
        for name in doomed { unlink("\(folder.path)/\(name)") }
        try expectRefusal()
    }

    @Test func `a missing log is told without the note as well`() throws {
        try fill()
        for name in names("log") + ["EXTENT"] { unlink("\(folder.path)/\(name)") }
        try expectRefusal()
    }

    @Test func `a log or a list of files that was cut off is told`() throws {
        try fill()
        let log = try #require(names("log").last)
        let manifest = try #require(names("MANIFEST-").last)
        shorten(log, to: 50)
        try expectRefusal()
        shorten(log, to: 0)
        try expectRefusal()
        try Database.repair(settings)
        _ = try Database(settings)
        try fill()
        shorten(try #require(names("MANIFEST-").last), to: 20)
        #expect(manifest != names("MANIFEST-").last)
        try expectRefusal()
    }

    @Test func `a log that a power failure has cut off is no reason not to start, unless commits are synced`()
        throws
    {
        try fill()
        let log = try #require(names("log").last)
        var extent = try #require(StoreExtent.read(folder.path))
        extent.boot = "another"
        extent.write(to: folder.path)
        shorten(log, to: 50)
        var synced = settings
        synced.isSynced = true
        #expect(throws: StoreError.self) { _ = try Database(synced) }
        _ = try Database(settings)
    }

    @Test func `repair makes it a store again, with what is left`() throws {
        try fill()
        for name in names("log") { unlink("\(folder.path)/\(name)") }
        try Database.repair(settings)
        let database = try Database(settings)
        let row = try database.value(of: StoreKey(.session, 5))
        #expect(row?.count == 100)
    }

    @Test func `a store that was killed between two notes opens`() throws {
        try fill()
        let noted = try #require(StoreExtent.read(folder.path))
        do {
            let database = try Database(settings)  // another log, another list
            _ = database
        }
        noted.write(to: folder.path)
        _ = try Database(settings)
        unlink("\(folder.path)/EXTENT")
        _ = try Database(settings)
    }

    @Test func `the oldest log that is needed is read from the list of files`() throws {
        try fill()
        let extent = try #require(StoreExtent.read(folder.path))
        let file = try #require(fopen("\(folder.path)/\(extent.manifest.name)", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        let number = StoreManifest.oldestLog(Array(bytes[..<count]))
        #expect(number == UInt64(extent.log.name.dropLast(4)))
        #expect(StoreManifest.oldestLog([]) == nil)
        for cut in 0..<count { _ = StoreManifest.oldestLog(Array(bytes[..<cut])) }
    }
}
