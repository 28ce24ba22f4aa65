import BrokerCore
import CLevelDB
import Glibc
import Synchronization

/// An open LevelDB. Usable from any thread; closed with the last reference.
final class Database: @unchecked Sendable {
    // LevelDB's functions are safe to call from several threads; the options are not changed after `init`.
    private let handle: OpaquePointer
    private let path: String
    private let options: OpaquePointer
    private let cache: OpaquePointer
    private let filter: OpaquePointer?
    private let readOptions: OpaquePointer
    private let writeOptions: OpaquePointer
    /// What was noted last.
    private let noted = Mutex<StoreExtent?>(nil)

    /// - Parameter mayCreate: make an empty one where there is none.
    init(_ settings: StoreSettings, mayCreate: Bool = true) throws(StoreError) {
        path = settings.directory
        if mayCreate { try Self.makeDirectory(settings.directory) }
        if !mayCreate { try Self.requireStore(settings.directory) }
        try Self.checkFiles(settings)
        options = leveldb_options_create()
        cache = leveldb_cache_create_lru(settings.cacheByteCount)
        filter = settings.usesBloomFilter ? leveldb_filterpolicy_create_bloom(10) : nil
        leveldb_options_set_create_if_missing(options, mayCreate ? 1 : 0)
        leveldb_options_set_paranoid_checks(options, settings.verifiesChecksums ? 1 : 0)
        leveldb_options_set_write_buffer_size(options, settings.writeBufferByteCount)
        leveldb_options_set_cache(options, cache)
        leveldb_options_set_block_size(options, settings.blockByteCount)
        leveldb_options_set_block_restart_interval(options, Int32(clamping: settings.blockRestartInterval))
        leveldb_options_set_max_open_files(options, Int32(clamping: settings.maxOpenTables))
        leveldb_options_set_max_file_size(options, 8 << 20)
        leveldb_options_set_compression(
            options,
            Int32(settings.isCompressed ? leveldb_snappy_compression : leveldb_no_compression))
        if let filter { leveldb_options_set_filter_policy(options, filter) }
        readOptions = leveldb_readoptions_create()
        leveldb_readoptions_set_verify_checksums(readOptions, settings.verifiesChecksums ? 1 : 0)
        writeOptions = leveldb_writeoptions_create()
        leveldb_writeoptions_set_sync(writeOptions, settings.isSynced ? 1 : 0)
        var failure: UnsafeMutablePointer<CChar>?
        let opened = leveldb_open(options, path, &failure)
        guard let opened else {
            let text = Self.text(failure)
            leveldb_writeoptions_destroy(writeOptions)
            leveldb_readoptions_destroy(readOptions)
            leveldb_options_destroy(options)
            leveldb_cache_destroy(cache)
            if let filter { leveldb_filterpolicy_destroy(filter) }
            throw Self.explain("open the store", path, text)
        }
        handle = opened
        noteExtent()
    }

    deinit {
        leveldb_close(handle)
        leveldb_writeoptions_destroy(writeOptions)
        leveldb_readoptions_destroy(readOptions)
        leveldb_options_destroy(options)
        leveldb_cache_destroy(cache)
        if let filter { leveldb_filterpolicy_destroy(filter) }
    }

    /// Notes how far its files go, for the next start.
    func noteExtent() {
        guard let extent = StoreExtent.look(path, Self.fileNames(path)) else { return }
        noted.withLock { noted in
            guard noted != extent else { return }
            noted = extent
            extent.write(to: path)
        }
    }

    // MARK: Access

    /// Writes `changes`, all or none.
    func write(_ changes: DatabaseBatch) throws(StoreError) {
        var failure: UnsafeMutablePointer<CChar>?
        leveldb_write(handle, writeOptions, changes.handle, &failure)
        if let failure { throw Self.explain("write to the store", path, Self.text(failure)) }
    }

    /// The value under `key`; nil when there is none.
    func value(of key: StoreKey) throws(StoreError) -> [UInt8]? {
        var failure: UnsafeMutablePointer<CChar>?
        var count = 0
        let found = key.bytes.withUnsafeBytes { bytes in
            leveldb_get(
                handle, readOptions, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, &count,
                &failure)
        }
        if let failure { throw Self.explain("read from the store", path, Self.text(failure)) }
        guard let found else { return nil }
        defer { leveldb_free(found) }
        return Array(UnsafeRawBufferPointer(start: found, count: count))
    }

    /// Memory of its cache and of what it has not written to tables yet, as it says itself; 0 when it does not say.
    var memoryByteCount: Int64 {
        guard let text = leveldb_property_value(handle, "leveldb.approximate-memory-usage") else { return 0 }
        defer { leveldb_free(text) }
        return Int64(String(cString: text)) ?? 0
    }

    /// A view of the rows as they are now.
    func cursor(fillsCache: Bool = false) -> DatabaseCursor {
        let options = leveldb_readoptions_create()
        leveldb_readoptions_set_fill_cache(options, fillsCache ? 1 : 0)
        leveldb_readoptions_set_verify_checksums(options, 1)
        let cursor = DatabaseCursor(leveldb_create_iterator(handle, options), path: path, of: self)
        leveldb_readoptions_destroy(options)
        return cursor
    }

    /// Salvages what can be read of a damaged store; what cannot goes to its subdirectory `lost`.
    static func repair(_ settings: StoreSettings) throws(StoreError) {
        let options = leveldb_options_create()
        defer { leveldb_options_destroy(options) }
        leveldb_options_set_paranoid_checks(options, 1)  // without, it keeps blocks whose sum does not fit
        var failure: UnsafeMutablePointer<CChar>?
        leveldb_repair_db(options, settings.directory, &failure)
        if let failure { throw explain("repair the store", settings.directory, text(failure)) }
        StoreExtent.remove(settings.directory)  // what was lost is known now
    }

    // MARK: Errors

    private static func text(_ failure: UnsafeMutablePointer<CChar>?) -> String {
        guard let failure else { return "no reason given" }
        defer { leveldb_free(failure) }
        return String(cString: failure)
    }

    /// What LevelDB says, with what a person can do about it.
    static func explain(_ operation: String, _ path: String, _ text: String) -> StoreError {
        let advice: String
        if text.contains("No space left") || text.contains("Disk quota exceeded") {
            advice = "make room on its filesystem"
        } else if text.contains("lock"),
            text.contains("temporarily unavailable") || text.contains("already held")
        {
            advice =
                "another broker, or vernemq store, uses this directory: stop it first, or give this broker its own platform_data_dir"
        } else if text.contains("Permission denied") {
            advice = "the broker's user needs to read and write this directory and all files in it"
        } else if text.contains("Not a directory") {
            advice = "a file is in the way: set platform_data_dir to a directory"
        } else if text.contains("Read-only file system") {
            advice = "mount its filesystem for writing, or set platform_data_dir to another place"
        } else if text.contains("Corruption") || text.contains("missing files") || text.contains("CURRENT")
            || text.contains(".ldb") || text.contains("MANIFEST")
        {
            advice =
                "with the broker stopped, copy the directory, then run `vernemq store repair`, which keeps all that can be read"
        } else {
            advice = ""
        }
        return StoreError(operation: operation, path: path, text: text, advice: advice)
    }

    /// LevelDB would take a directory without its file `CURRENT` for an empty one and delete what is in it, and go on
    /// without a log that is gone.
    private static func checkFiles(_ settings: StoreSettings) throws(StoreError) {
        let directory = settings.directory
        let names = fileNames(directory)
        if hasData(names), !names.contains("CURRENT") {
            throw explain("open the store", directory, "Corruption: its file CURRENT is missing")
        }
        try StoreExtent.check(directory, names, isSynced: settings.isSynced)
    }

    private static func fileNames(_ directory: String) -> [String] {
        var names: [String] = []
        if let stream = opendir(directory) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                names.append(
                    withUnsafePointer(to: &entry.pointee.d_name) { name in
                        name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    })
            }
        }
        return names
    }

    private static func hasData(_ names: [String]) -> Bool {
        names.contains {
            $0.hasSuffix(".ldb") || $0.hasSuffix(".sst") || $0.hasSuffix(".log") || $0.hasPrefix("MANIFEST-")
        }
    }

    /// For those who look at a store or mend it: LevelDB would make one where there is none.
    static func requireStore(_ directory: String) throws(StoreError) {
        let names = fileNames(directory)
        guard !hasData(names), !names.contains("CURRENT") else { return }
        throw StoreError(
            operation: "open the store", path: directory, text: "there is none",
            advice:
                "leveldb.data_root, or platform_data_dir above it, says where it is looked for; is --config right?"
        )
    }

    /// Makes the directory and those above it.
    private static func makeDirectory(_ path: String) throws(StoreError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
            if mkdir(made, 0o750) != 0, errno != EEXIST {
                throw explain("make the store's directory", made, String(cString: strerror(errno)))
            }
        }
    }

    /// Writes a small file and removes it.
    ///
    /// - Throws: when the disk takes nothing.
    static func probe(_ directory: String) throws(StoreError) {
        let path = directory + "/PROBE"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        var failure = descriptor < 0 ? errno : 0
        if descriptor >= 0 {
            let bytes = [UInt8](repeating: 0, count: 1 << 16)
            if Glibc.write(descriptor, bytes, bytes.count) < bytes.count {
                failure = errno == 0 ? ENOSPC : errno
            }
            if fdatasync(descriptor) != 0, failure == 0 { failure = errno }
            close(descriptor)
            unlink(path)
        }
        if failure != 0 { throw explain("write to the store", path, String(cString: strerror(failure))) }
    }

    /// Bytes of all files in the directory.
    static func byteCount(_ directory: String) -> Int64 {
        guard let stream = opendir(directory) else { return 0 }
        defer { closedir(stream) }
        var total: Int64 = 0
        while let entry = readdir(stream) {
            var status = stat()
            let isFile = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    fstatat(dirfd(stream), $0, &status, AT_SYMLINK_NOFOLLOW) == 0
                        && status.st_mode & S_IFMT == S_IFREG
                }
            }
            if isFile { total += Int64(status.st_size) }
        }
        return total
    }
}

/// Changes that are written together.
final class DatabaseBatch: @unchecked Sendable {
    // Belongs to one thread at a time: the writer's.
    fileprivate let handle: OpaquePointer = leveldb_writebatch_create()
    private(set) var count = 0
    private(set) var byteCount = 0

    deinit { leveldb_writebatch_destroy(handle) }

    func put(_ key: StoreKey, _ value: [UInt8]) {
        count += 1
        byteCount += key.bytes.count + value.count
        key.bytes.withUnsafeBytes { key in
            value.withUnsafeBytes { value in
                leveldb_writebatch_put(
                    handle, key.bindMemory(to: CChar.self).baseAddress, key.count,
                    value.bindMemory(to: CChar.self).baseAddress, value.count)
            }
        }
    }

    func delete(_ key: StoreKey) { delete(key.bytes) }

    func delete(_ key: [UInt8]) {
        count += 1
        byteCount += key.count
        key.withUnsafeBytes {
            leveldb_writebatch_delete(handle, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
        }
    }

    func removeAll() {
        leveldb_writebatch_clear(handle)
        count = 0
        byteCount = 0
    }
}

/// Walks over rows in the order of their keys. One thread's.
final class DatabaseCursor {
    private let handle: OpaquePointer?
    private let path: String
    private let database: Database

    fileprivate init(_ handle: OpaquePointer?, path: String, of database: Database) {
        self.handle = handle
        self.path = path
        self.database = database
    }

    deinit { leveldb_iter_destroy(handle) }

    /// Goes to the first row at or after `key`.
    func seek(_ key: StoreKey) {
        key.bytes.withUnsafeBytes {
            leveldb_iter_seek(handle, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
        }
    }

    func next() { leveldb_iter_next(handle) }

    /// What could not be read so far. LevelDB passes over a block that it cannot read and goes on.
    var problem: StoreError? {
        var failure: UnsafeMutablePointer<CChar>?
        leveldb_iter_get_error(handle, &failure)
        guard let failure else { return nil }
        defer { leveldb_free(failure) }
        return Database.explain("read from the store", path, String(cString: failure))
    }

    /// The row's key; nil behind the last.
    ///
    /// - Parameter goesOnAfterErrors: rows that cannot be read are passed over; `problem` tells.
    /// - Throws: when rows before this one cannot be read.
    func key(goesOnAfterErrors: Bool = false) throws(StoreError) -> [UInt8]? {
        if !goesOnAfterErrors, let problem { throw problem }
        guard leveldb_iter_valid(handle) != 0 else { return nil }
        var count = 0
        let bytes = leveldb_iter_key(handle, &count)
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// The row's value. There must be a row.
    var value: [UInt8] {
        var count = 0
        let bytes = leveldb_iter_value(handle, &count)
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Calls `body` with the rows whose key begins with `prefix`, from `start` on, until it returns false.
    func forEach(
        from start: StoreKey, prefix: StoreKey, goesOnAfterErrors: Bool = false,
        _ body: ([UInt8]) throws(StoreError) -> Bool
    ) throws(StoreError) {
        seek(start)
        while let key = try key(goesOnAfterErrors: goesOnAfterErrors), key.starts(with: prefix.bytes) {
            guard try body(key) else { return }
            next()
        }
    }
}
