import BrokerConfig
import BrokerCore
import Glibc
import Listeners
import Logging
import Primitives
import Storage

/// The message store that the configuration asks for, and its way into the broker at the start.
struct StoredState {
    /// nil with `message_store = memory`.
    let levelDB: LevelDBMessageStore?

    /// - Parameter tables: files of the store that may be open.
    init(_ config: EffectiveConfig, tables: Int, _ log: Logger) throws(StoreError) {
        guard config.string(.messageStore) == "leveldb" else {
            levelDB = nil
            log.notice(
                "message_store = memory: sessions, subscriptions, queued and retained messages live in memory alone and end with the process; what was acknowledged may be lost"
            )
            return
        }
        var settings = StoreSettings(config)
        settings.maxOpenTables = tables
        levelDB = try LevelDBMessageStore(settings, log: log)
        log.info(
            "store opened",
            metadata: [
                "directory": "\(settings.directory)", "sync_on_write": .stringConvertible(settings.isSynced),
            ])
    }

    var port: any MessageStore { levelDB ?? MemoryMessageStore() }

    /// Reads the store into the loops and starts its threads. Says how far it is, once a second, to log and terminal.
    func restore(into runtime: BrokerRuntime, _ log: Logger, _ say: (String) -> Void) throws(StoreError) {
        guard let levelDB else { return }
        let clock = SystemClock()
        let begin = clock.now
        var lastSaid = begin
        let result = try levelDB.recover { progress in
            guard clock.now.nanoseconds(since: lastSaid) >= 1_000_000_000 else { return }
            lastSaid = clock.now
            let text =
                "reading the store: \(progress.sessions) sessions, \(progress.messages) messages, \(progress.retained) retained"
            log.info("\(text)")
            say(text)
        } sessions: {
            runtime.restore($0)
        } retained: {
            runtime.restore(retained: $0)
        }
        runtime.broker.goOn(afterMessage: result.lastMessage, session: result.lastSession)
        try levelDB.start()
        runtime.finishRestoring()
        let milliseconds = clock.now.nanoseconds(since: begin) / 1_000_000
        log.info(
            "store read",
            metadata: [
                "sessions": .stringConvertible(result.count(.sessions)),
                "messages": .stringConvertible(result.count(.copies)),
                "subscriptions": .stringConvertible(result.count(.subscriptions)),
                "retained": .stringConvertible(result.count(.retained)),
                "leftovers_removed": .stringConvertible(result.orphans),
                "ms": .stringConvertible(milliseconds),
            ])
    }
}

extension StoreSettings {
    init(_ config: EffectiveConfig) {
        // Absolute, for whoever reads it in a log: a relative one counts from where the broker was started.
        self.init(directory: Self.absolute(config.string(.levelDBDataRoot)))
        // The share of the memory: two write buffers and the cache fit into it.
        let share =
            config.byteCount(.levelDBMaximumMemory)
            ?? Self.machineByteCount / 100 * config.integer(.levelDBMaximumMemoryPercent)
        let part = max(1 << 20, share / 3)
        isSynced = config.flag(.levelDBSyncOnWrite)
        writeBufferByteCount = min(config.byteCount(.levelDBWriteBufferSize) ?? writeBufferByteCount, part)
        cacheByteCount = min(config.byteCount(.levelDBBlockCacheThreshold) ?? cacheByteCount, part)
        blockByteCount = max(256, min(config.byteCount(.levelDBBlockSize) ?? blockByteCount, 1 << 22))
        blockRestartInterval = max(1, min(config.integer(.levelDBBlockRestartInterval), 4096))
        usesBloomFilter = config.flag(.levelDBBloomFilter)
        isCompressed = config.flag(.levelDBCompression)
        verifiesChecksums = config.flag(.levelDBVerifyChecksums)
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard unsafe getcwd(&buffer, buffer.count) != nil else { return path }
        let folder = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return folder + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    private static var machineByteCount: Int {
        max(1 << 28, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))
    }
}
