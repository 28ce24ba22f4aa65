/// How the store is opened; `vernemq.conf` has a key for each.
package struct StoreSettings: Sendable {
    /// Where its files lie; made when missing.
    package var directory: String
    /// A commit waits until the disk has it.
    package var isSynced = false
    /// Bytes gathered in memory before they become a file. Two such buffers may exist at a time.
    package var writeBufferByteCount = 4 * 1024 * 1024
    /// Bytes of blocks kept for reading.
    package var cacheByteCount = 4 * 1024 * 1024
    /// Descriptors its files may take. LevelDB keeps index and Bloom filter of an open table in memory, up to 0.2 MB of each.
    package var maximumOpenFiles = 128
    package var blockByteCount = 4096
    package var blockRestartInterval = 16
    package var usesBloomFilter = true
    package var isCompressed = true
    /// Checks LevelDB's own sums; ours are checked always.
    package var verifiesChecksums = true

    package init(directory: String) { self.directory = directory }
}
