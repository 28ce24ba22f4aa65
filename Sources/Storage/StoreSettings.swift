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
    /// Files of tables that are open at the same time; LevelDB takes 74 at least. It keeps index and Bloom filter of an
    /// open table in memory, up to 0.2 MB of each.
    package var maxOpenTables = 128
    /// Bytes of a block of a table, before it is compressed.
    package var blockByteCount = 4096
    /// Keys between two restart points of a block. LevelDB stores the keys after a restart point as
    /// differences.
    package var blockRestartInterval = 16
    /// Each table has a Bloom filter, so that a look for a key that is not there mostly reads no block.
    package var usesBloomFilter = true
    /// Blocks are compressed with Snappy.
    package var isCompressed = true
    /// Checks LevelDB's own sums; ours are checked always.
    package var verifiesChecksums = true

    /// The store in `directory`, with the defaults for everything else.
    package init(directory: String) { self.directory = directory }
}
