import Glibc

/// What the kernel says about this process.
public enum ProcessMetric: Sendable, CaseIterable {
    case residentBytes, textBytes
    /// Resident and private.
    case dataBytes
    /// Resident and not private.
    case systemBytes
    case cpuMilliseconds, cpuNanoseconds, contextSwitches
    case uptimeMilliseconds, startTimeNanoseconds
    case threadCount
    /// Sessions and threads.
    case workerCount
    /// MQTT bytes and bytes of storage.
    case ioInBytes, ioOutBytes
    case maximumDescriptors
}

/// One reading of `/proc/self`, `getrusage` and `getrlimit`. A file that cannot be read leaves zeros.
public struct ProcessReading: Sendable {
    /// Memory of the process that is in RAM, shared pages included.
    public var residentBytes: Int64 = 0
    /// The part of `residentBytes` that is shared memory or pages of files.
    public var sharedBytes: Int64 = 0
    /// The size of the program's code.
    public var textBytes: Int64 = 0
    /// Time on processors, of all threads in user and system mode together, since the process started.
    public var cpuNanoseconds: Int64 = 0
    /// How often a thread gave up its processor, by itself or not, since the process started.
    public var contextSwitches: Int64 = 0
    /// Threads of the process now.
    public var threadCount: Int64 = 0
    /// Bytes that the process made the system read from storage. What came out of the page cache does not
    /// count.
    public var storageReadBytes: Int64 = 0
    /// Bytes that the process made the system write, or mark to be written, to storage.
    public var storageWrittenBytes: Int64 = 0
    /// How many descriptors the process may have open: the soft limit.
    public var maximumDescriptors: Int64 = 0

    /// All zeros.
    public init() {}

    /// Reads now; three small files and two system calls.
    public static func now() -> ProcessReading {
        var reading = ProcessReading()
        let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))
        let pages = numbers(in: contents(of: "/proc/self/statm"))
        if pages.count >= 4 {
            reading.residentBytes = pages[1] &* pageSize
            reading.sharedBytes = pages[2] &* pageSize
            reading.textBytes = pages[3] &* pageSize
        }
        var usage = rusage()
        if unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0 {
            reading.cpuNanoseconds = nanoseconds(usage.ru_utime) &+ nanoseconds(usage.ru_stime)
            reading.contextSwitches = Int64(usage.ru_nvcsw) &+ Int64(usage.ru_nivcsw)
        }
        // rchar, wchar, syscr, syscw, read_bytes, write_bytes, …
        let io = numbers(in: contents(of: "/proc/self/io"))
        if io.count >= 6 {
            reading.storageReadBytes = io[4]
            reading.storageWrittenBytes = io[5]
        }
        // After the name in parentheses: state, ppid, …; the threads are the 18th from there.
        let stat = contents(of: "/proc/self/stat")
        if let end = stat.lastIndex(of: UInt8(ascii: ")")) {
            let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
            if fields.count > 17 { reading.threadCount = numbers(in: Array(fields[17])).first ?? 0 }
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            reading.maximumDescriptors = Int64(clamping: limit.rlim_cur)
        }
        return reading
    }

    /// The resident memory alone; one small file.
    public static var residentNow: Int64 {
        let pages = numbers(in: contents(of: "/proc/self/statm"))
        return pages.count >= 2 ? pages[1] &* Int64(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    private static func nanoseconds(_ time: timeval) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_usec) &* 1_000
    }

    /// At most 4 KiB of a file, empty when it cannot be read.
    private static func contents(of path: String) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = unsafe max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
    }

    /// The runs of digits in `text`.
    static func numbers(in text: [UInt8]) -> [Int64] {
        var found: [Int64] = []
        var isInside = false
        for byte in text {
            guard byte >= 0x30, byte <= 0x39 else {
                isInside = false
                continue
            }
            if !isInside { found.append(0) }
            isInside = true
            found[found.count - 1] = found[found.count - 1] &* 10 &+ Int64(byte - 0x30)
        }
        return found
    }
}
