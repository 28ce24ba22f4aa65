import Glibc
import Logging
import Testing

@testable import BrokerLog

@Suite struct LogOutputTests {
    private let folder = LogFolder()

    private func output(_ settings: LogSettings, console: LogSink.Target = .descriptor(-1)) -> LogOutput {
        LogOutput(settings, console: console)
    }

    /// Without the time.
    private func lines(of file: String) -> [String] {
        folder.read(file).split(separator: "\n").map { String($0.drop { $0 != " " }.dropFirst()) }
    }

    @Test func `messages of the level and above go to the file, errors to their own as well`() {
        let log = output(
            LogSettings(
                destination: .file, level: .notice, file: folder.path + "/sub/console.log",
                errorFile: folder.path + "/error.log", errorFileFormat: .json))
        #expect(log.problems == [])
        let logger = log.logger(label: "test")
        logger.info("not this")
        logger.notice("one", metadata: ["a": "1"])
        logger.error("two", metadata: ["b": "2"])
        #expect(lines(of: "sub/console.log") == ["notice one a=1", "error two b=2"])
        #expect(
            folder.read("error.log").contains(#""level":"error","logger":"test","message":"two","b":"2"}"#))
        #expect(!folder.read("error.log").contains("one"))
        #expect(log.failedWrites == 0)
    }

    @Test func `the level may change while loggers exist`() {
        let log = output(LogSettings(destination: .file, level: .info, file: folder.path + "/a.log"))
        let logger = log.logger(label: "test")
        var chatty = logger
        chatty.logLevel = .debug
        logger.debug("no")
        chatty.debug("own")
        log.level = .debug
        logger.debug("yes")
        #expect(lines(of: "a.log") == ["debug own", "debug yes"])
    }

    @Test func `facts of the logger, of its provider and of the message come together`() {
        let log = output(LogSettings(destination: .file, file: folder.path + "/a.log"))
        var handler = log.handler(label: "test")
        handler.metadataProvider = Logger.MetadataProvider { ["p": "provider", "b": "provider"] }
        var logger = Logger(label: "test") { [handler] _ in handler }
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        #expect(logger[metadataKey: "a"] == "logger")
        logger.info("m", metadata: ["b": "message", "c": ["x", "y"], "d": ["k": "v", "psk": "x"]])
        #expect(lines(of: "a.log") == ["info m a=logger b=message c=[x,y] d=\"{k=v,psk=******}\" p=provider"])
    }

    @Test func `after reopen lines go to a new file`() {
        let path = folder.path + "/a.log"
        let log = output(LogSettings(destination: .file, file: path))
        log.logger(label: "test").info("one")
        rename(path, path + ".1")
        log.logger(label: "test").info("two")
        #expect(log.reopen() == [])
        log.logger(label: "test").info("three")
        #expect(lines(of: "a.log.1") == ["info one", "info two"])
        #expect(lines(of: "a.log") == ["info three"])
    }

    @Test func `a failed reopen is told and the old file goes on`() {
        let path = folder.path + "/a.log"
        let log = output(LogSettings(destination: .file, file: path))
        rename(path, path + ".1")
        mkdir(path, 0o700)
        #expect(log.reopen() == ["\(path): cannot be opened: Is a directory"])
        log.logger(label: "test").info("one")
        #expect(lines(of: "a.log.1") == ["info one"])
        #expect(log.failedWrites == 1)
    }

    @Test func `what a file cannot take goes to the console`() {
        let pipe = Pipe()
        let log = output(
            LogSettings(destination: .file, file: folder.path), console: .descriptor(pipe.writeEnd))
        #expect(log.problems == ["\(folder.path): cannot be opened: Is a directory"])
        log.logger(label: "test").info("one")
        #expect(pipe.read().hasSuffix(" info one\n"))
    }

    @Test func `off writes nothing`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .off), console: .descriptor(pipe.writeEnd))
        log.logger(label: "test").critical("one")
        #expect(log.failedWrites == 0)
        #expect(pipe.read() == "")
    }

    @Test func `a reader that does not read loses lines, counted, and holds nobody up for ever`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .console), console: .descriptor(pipe.writeEnd))
        let logger = log.logger(label: "test")
        let value = Logger.Metadata.Value.string(String(repeating: "x", count: 1000))
        // A pipe holds 64 KiB.
        for _ in 0..<200 { logger.info("m", metadata: ["a": value, "b": value, "c": value]) }
        #expect(log.failedWrites > 100)
        let lost = log.failedWrites
        while !pipe.read().isEmpty {}
        logger.info("again")
        #expect(log.failedWrites == lost)
        #expect(pipe.read().hasSuffix(" info again\n"))
    }

    @Test func `a console that went away loses lines, counted`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .console), console: .descriptor(pipe.writeEnd))
        signal(SIGPIPE, SIG_IGN)
        pipe.closeReadEnd()
        log.logger(label: "test").info("one")
        #expect(log.failedWrites == 1)
    }

    @Test func `lines of many threads never mix`() async {
        let log = output(LogSettings(destination: .file, file: folder.path + "/a.log"))
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    let logger = log.logger(label: "test")
                    for number in 0..<100 {
                        logger.info("m", metadata: ["writer": "\(writer)", "number": "\(number)"])
                    }
                }
            }
        }
        let all = lines(of: "a.log")
        #expect(all.count == 800)
        #expect(Set(all).count == 800)
        #expect(all.allSatisfy { $0.hasPrefix("info m number=") })
    }

    @Test func `VerneMQ's names of levels are known`() {
        let names = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency", "loud"]
        #expect(
            names.map(LogSettings.level(named:)) == [
                .debug, .info, .notice, .warning, .error, .critical, .critical, .critical, nil,
            ])
    }
}
