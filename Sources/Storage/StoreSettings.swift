/// How the store is opened; `vernemq.conf` has a key for each.
package struct StoreSettings: Sendable {
    /// Where its files lie; made when missing.
    package var directory: String
    /// A commit waits until the disk has it.
    package var isSynced = false
    /// Bytes gathered in memory before they become a file. Two such buffers may exist at a time.
    package var writeBufferByteCount = 30 * 1024 * 1024
    /// Bytes of blocks kept for reading.
    package var cacheByteCount = 8 * 1024 * 1024
    /// Files of tables that are open at the same time; LevelDB takes 74 at least.
    package var maxOpenTables = 500
    package var blockByteCount = 4096
    package var blockRestartInterval = 16
    package var usesBloomFilter = true
    package var isCompressed = true
    /// Checks LevelDB's own sums; ours are checked always.
    package var verifiesChecksums = true

    package init(directory: String) { self.directory = directory }
}
