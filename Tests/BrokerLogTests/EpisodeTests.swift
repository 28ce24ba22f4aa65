import Logging
import Testing

@testable import BrokerLog

@Suite struct EpisodeTests {
    private let folder = LogFolder()
    private let start = ContinuousClock.now

    private let log: LogOutput

    init() {
        log = LogOutput(
            LogSettings(destination: .file, file: folder.path + "/a.log"), console: .descriptor(-1))
    }

    private func episode(_ level: Logger.Level = .warning) -> Episode {
        Episode(
            log.logger(label: "test"), level: level, began: "queue is full", ended: "queue has room again")
    }

    private var lines: [String] {
        log.flush()
        return folder.read("a.log").split(separator: "\n").map { String($0.drop { $0 != " " }.dropFirst()) }
    }

    @Test func `an episode is logged as it begins and as it ends, with its count`() {
        let episode = episode()
        for second in 0..<5 { episode.occurred(["queue": "q\(second)"], at: start + .seconds(second)) }
        #expect(episode.count == 5)
        #expect(lines == ["warning queue is full queue=q0"])
        episode.ended(["queue": "q"], at: start + .seconds(6))
        #expect(lines.dropFirst() == ["notice queue has room again lasted_ms=6000 occurrences=5 queue=q"])
        #expect(episode.count == 0)
    }

    @Test func `an episode of a limit says so in both lines`() {
        let episode = Episode(
            log.logger(label: "test"), began: "full", ended: "room", limit: "places", ["loop": "1"])
        episode.occurred(["client": "c"], at: start)
        episode.ended(at: start + .seconds(1))
        #expect(
            lines == [
                "warning full client=c event=limit_reached limit=places loop=1",
                "notice room event=limit_cleared lasted_ms=1000 limit=places loop=1 occurrences=1",
            ])
    }

    @Test func `what did not begin does not end`() {
        let episode = episode()
        episode.ended()
        episode.endIfQuiet(for: .zero)
        #expect(lines == [])
    }

    @Test func `a second episode begins anew`() {
        let episode = episode()
        for _ in 0..<2 {
            episode.occurred(at: start)
            episode.occurred(at: start)
            episode.ended(at: start)
        }
        #expect(lines.count == 4)
        #expect(lines[3] == "notice queue has room again lasted_ms=0 occurrences=2")
    }

    @Test func `an episode that nobody ends is over when it was quiet for long enough`() {
        let episode = episode()
        episode.occurred(at: start)
        episode.occurred(at: start + .seconds(5))
        episode.endIfQuiet(for: .seconds(10), at: start + .seconds(14))
        #expect(lines.count == 1)
        episode.endIfQuiet(for: .seconds(10), at: start + .seconds(15))
        #expect(lines.last == "notice queue has room again lasted_ms=15000 occurrences=2")
    }

    @Test func `the end of an error is a notice: nobody has to get up for it`() {
        let episode = episode(.error)
        episode.occurred(at: start)
        episode.ended(at: start)
        #expect(lines == ["error queue is full", "notice queue has room again lasted_ms=0 occurrences=1"])
    }

    @Test func `whichever threads report, beginnings and ends take turns`() async {
        let episode = episode()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<200 { episode.occurred() } }
                group.addTask { for _ in 0..<200 { episode.ended() } }
            }
        }
        episode.ended()
        let all = lines
        for (index, line) in all.enumerated() {
            #expect(
                line.hasPrefix(index.isMultiple(of: 2) ? "warning queue is full" : "notice queue has room"))
        }
        #expect(all.count.isMultiple(of: 2))
        #expect(all.count > 0)
    }

    @Test func `any thread may report`() async {
        let episode = episode()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<100 { episode.occurred() } } }
        }
        #expect(episode.count == 800)
        #expect(lines == ["warning queue is full"])
    }
}
