import Glibc
import Logging
import Testing

@testable import BrokerLog

@Suite struct LogOutputTests {
    private let folder = LogFolder()

    private func output(_ settings: LogSettings, console: LogSink.Target = .descriptor(-1)) -> LogOutput {
        LogOutput(settings, console: console)
    }

    /// Without the time, of what was logged so far.
    private func lines(of file: String, _ log: LogOutput) -> [String] {
        log.flush()
        return folder.read(file).split(separator: "\n").map { String($0.drop { $0 != " " }.dropFirst()) }
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
        #expect(lines(of: "sub/console.log", log) == ["notice one a=1", "error two b=2"])
        #expect(log.flush())
        #expect(
            folder.read("error.log").contains(#""level":"error","logger":"test","message":"two","b":"2"}"#))
        #expect(!folder.read("error.log").contains("one"))
        #expect(log.failedWrites == 0)
    }

    @Test func `the level may change while loggers exist`() {
        let log = output(LogSettings(destination: .file, level: .info, file: folder.path + "/a.log"))
        let logger = log.logger(label: "test")
        var quiet = logger
        quiet.logLevel = .error
        logger.debug("no")
        quiet.info("no")
        quiet.error("own")
        #expect(log.set(.debug, of: "consolefile"))
        logger.debug("yes")
        #expect(lines(of: "a.log", log) == ["error own", "debug yes"])
    }

    @Test func `each place has a level of its own`() {
        let pipe = Pipe()
        let log = output(
            LogSettings(
                destination: .both, level: .info, file: folder.path + "/a.log",
                errorFile: folder.path + "/e.log"),
            console: .descriptor(pipe.writeEnd))
        let logger = log.logger(label: "test")
        #expect(log.places.map(\.logger) == ["consolefile", "default", "console"])
        #expect(log.places.map(\.level) == [.info, .error, .info])
        #expect(log.places.map(\.file) == [folder.path + "/a.log", folder.path + "/e.log", nil])
        #expect(
            log.set(.debug, of: "consolefile") && log.set(.warning, of: "default")
                && log.set(nil, of: "console"))
        logger.debug("one")
        logger.warning("two")
        #expect(log.set(.error, of: "consolefile") && log.set(.critical, of: "default"))
        #expect(log.level == .error)
        logger.warning("nowhere")
        logger.error("three")
        #expect(!log.set(.debug, of: "nonsense"))
        #expect(lines(of: "a.log", log) == ["debug one", "warning two", "error three"])
        #expect(lines(of: "e.log", log) == ["warning two"])
        #expect(log.set(.info, of: "console"))
        logger.info("heard")
        #expect(log.flush())
        #expect(pipe.read().hasSuffix(" info heard\n"))
        #expect(
            log.writtenLines.allSatisfy {
                $0.place != "console" || ($0.count == ($0.level == "info" ? 1 : 0))
            })
    }

    @Test func `what operators do is written whatever the levels are`() {
        let log = output(
            LogSettings(
                destination: .file, level: .info, file: folder.path + "/a.log",
                errorFile: folder.path + "/e.log"))
        #expect(log.set(nil, of: "consolefile") && log.set(nil, of: "default"))
        log.writeAudit(label: "admin", message: "kept", metadata: ["who": "me"])
        log.logger(label: "test").critical("lost")
        #expect(lines(of: "a.log", log) == ["notice kept who=me"])
        #expect(folder.read("e.log") == "")
        let errorsAlone = output(
            LogSettings(destination: .off, level: .info, errorFile: folder.path + "/alone.log"))
        errorsAlone.writeAudit(label: "admin", message: "kept", metadata: [:])
        #expect(lines(of: "alone.log", errorsAlone) == ["notice kept"])
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
        #expect(
            lines(of: "a.log", log) == ["info m a=logger b=message c=[x,y] d=\"{k=v,psk=******}\" p=provider"]
        )
    }

    @Test func `after reopen lines go to a new file`() {
        let path = folder.path + "/a.log"
        let log = output(LogSettings(destination: .file, file: path))
        log.logger(label: "test").info("one")
        rename(path, path + ".1")
        log.logger(label: "test").info("two")
        #expect(log.reopen() == [])
        log.logger(label: "test").info("three")
        #expect(lines(of: "a.log.1", log) == ["info one", "info two"])
        #expect(lines(of: "a.log", log) == ["info three"])
    }

    @Test func `a failed reopen is told and the old file goes on`() {
        let path = folder.path + "/a.log"
        let log = output(LogSettings(destination: .file, file: path))
        rename(path, path + ".1")
        mkdir(path, 0o700)
        #expect(log.reopen() == ["\(path): cannot be opened: Is a directory"])
        log.logger(label: "test").info("one")
        #expect(lines(of: "a.log.1", log) == ["info one"])
        #expect(log.failedWrites == 1)
    }

    @Test func `what a file cannot take goes to the console`() {
        let pipe = Pipe()
        let log = output(
            LogSettings(destination: .file, file: folder.path), console: .descriptor(pipe.writeEnd))
        #expect(log.problems == ["\(folder.path): cannot be opened: Is a directory"])
        log.logger(label: "test").info("one")
        #expect(log.flush())
        #expect(pipe.read().hasSuffix(" info one\n"))
        #expect(log.file == nil)
        #expect(log.writesToConsole)
    }

    @Test func `off writes nothing`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .off), console: .descriptor(pipe.writeEnd))
        log.logger(label: "test").critical("one")
        #expect(log.flush())
        #expect(log.failedWrites == 0)
        #expect(pipe.read() == "")
    }

    @Test func `when only the file of errors cannot be opened, errors alone go to the console`() {
        let pipe = Pipe()
        let log = output(
            LogSettings(destination: .file, file: folder.path + "/a.log", errorFile: folder.path),
            console: .descriptor(pipe.writeEnd))
        let logger = log.logger(label: "test")
        logger.info("one")
        logger.error("two")
        #expect(lines(of: "a.log", log) == ["info one", "error two"])
        #expect(log.file == folder.path + "/a.log")
        let console = pipe.read()
        #expect(console.hasSuffix(" error two\n"))
        #expect(!console.contains("one"))
    }

    @Test func `a pipe without a reader is no log file, and holds nobody up`() {
        let path = folder.path + "/a.log"
        mkfifo(path, 0o600)
        let pipe = Pipe()
        let log = output(LogSettings(destination: .file, file: path), console: .descriptor(pipe.writeEnd))
        #expect(log.problems == ["\(path): cannot be opened: No such device or address"])
        log.logger(label: "test").info("one")
        #expect(log.flush())
        #expect(pipe.read().hasSuffix(" info one\n"))
    }

    @Test func `a full disk loses lines, counted, and the log goes on elsewhere`() {
        let pipe = Pipe()
        let log = output(
            LogSettings(destination: .both, file: "/dev/full"), console: .descriptor(pipe.writeEnd))
        let logger = log.logger(label: "test")
        for number in 0..<10 { logger.info("line", metadata: ["number": .stringConvertible(number)]) }
        #expect(log.flush())
        #expect(log.failedWritesByPlace.map(\.place) == ["file", "console"])
        #expect(log.failedWritesByPlace.map(\.count) == [10, 0])
        #expect(pipe.read().split(separator: "\n").count == 10)
        #expect(log.writtenLines.first { $0.place == "console" && $0.level == "info" }?.count == 10)
        #expect(log.waiting == (0, 0))
    }

    @Test func `a reader that stopped loses lines, counted; when it goes on the log says how many`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .console), console: .descriptor(pipe.writeEnd))
        let logger = log.logger(label: "test")
        let value = Logger.Metadata.Value.string(String(repeating: "x", count: 1000))
        // A pipe holds 64 KiB.
        for _ in 0..<200 {
            logger.info("m", metadata: ["a": value, "b": value, "c": value])
            log.flush()
        }
        let lost = log.failedWrites
        #expect(lost > 100)
        while !pipe.read().isEmpty {}
        logger.info("again")
        #expect(log.flush())
        #expect(log.failedWrites == lost)
        let said = pipe.read().split(separator: "\n")
        #expect(said.count == 2)
        #expect(said.first?.hasSuffix(" info again") == true)
        #expect(
            said.last?.hasSuffix(
                " warning log lines were lost before the last one: nothing was taken here for a while lines=\(lost)"
            )
                == true)
    }

    @Test func `a console that went away loses lines, counted`() {
        let pipe = Pipe()
        let log = output(LogSettings(destination: .console), console: .descriptor(pipe.writeEnd))
        signal(SIGPIPE, SIG_IGN)
        pipe.closeReadEnd()
        log.logger(label: "test").info("one")
        #expect(log.flush())
        #expect(log.failedWrites == 1)
    }

    @Test func `what is logged when it ends is written`() {
        let path = folder.path + "/a.log"
        let pipe = Pipe()
        var log: LogOutput? = output(
            LogSettings(destination: .both, file: path), console: .descriptor(pipe.writeEnd))
        for _ in 0..<50 { log?.logger(label: "test").info("one") }
        #expect(log?.flush() == true)
        log = nil
        #expect(folder.read("a.log").split(separator: "\n").count == 50)
    }

    @Test func `lines of many threads never mix`() async {
        let log = output(LogSettings(destination: .file, file: folder.path + "/a.log"))
        // All of them fit into the queue.
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
        let all = lines(of: "a.log", log)
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
