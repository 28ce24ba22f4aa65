import Glibc
import Testing

@testable import BrokerLog

@Suite struct LogSinkTests {
    @Test func `lines to an inherited file come after what others write to it, and before what follows`()
        throws
    {
        var template = Array("/tmp/log-sink-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(template)
        }
        func say(_ text: String) { _ = text.withCString { Glibc.write(descriptor, $0, strlen($0)) } }
        let sink = LogSink(.descriptor(descriptor))
        #expect(sink.open() == nil)
        say("before\n")
        #expect(sink.write(Array("line\n".utf8)))
        say("after\n")
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        #expect(String(decoding: bytes[..<max(0, count)], as: UTF8.self) == "before\nline\nafter\n")
        #expect(sink.failedWrites == 0)
    }
}
