import Admin
import Testing

@testable import AdminClient

@Suite struct ConnectionOptionsTests {
    private func taken(_ words: [String], _ environment: [String: String] = [:]) throws -> (
        ConnectionOptions, [String]
    ) {
        var options = ConnectionOptions()
        let rest = try options.take(from: words)
        try options.fill(from: environment)
        return (options, rest)
    }

    @Test func `connection flags are taken wherever they stand, and nothing else is`() throws {
        let (options, rest) = try taken([
            "--socket", "/a b", "session", "show", "--limit=3", "--topic", "-rpctimeout", "5", "x=--url",
        ])
        #expect(options.socket == "/a b" && options.patience == .seconds(5))
        #expect(rest == ["session", "show", "--limit=3", "--topic", "x=--url"])
        let (remote, words) = try taken([
            "--json", "show", "--url=http://h", "a", "--api-key=k=1", "--config2",
        ])
        #expect(remote.url == "http://h" && remote.key == "k=1" && remote.watch == nil)
        #expect(try taken(["--watch", "5", "node", "status"]).0.watch == 5)
        #expect(words == ["--json", "show", "a", "--config2"])
    }

    @Test func `no command has a flag with the name of a connection flag`() {
        let names = Set(GlobalOptions.connectionFlags.map(\.name))
        for command in CommandTable.vmqAdmin.commands {
            #expect(command.flags.allSatisfy { !names.contains($0.name) }, "\(command.name)")
        }
    }

    @Test(
        arguments: [
            ["--socket"], ["--socket="], ["--socket", "--json"], ["--socket=a", "--socket=b"],
            ["--url=http://h", "--socket=a"], ["--url=http://h", "--config=a"], ["--api-key=k"],
            ["--socket=a", "--api-key=k"], ["-rpctimeout"], ["-rpctimeout", "0"], ["-rpctimeout", "soon"],
            ["--watch"], ["--watch=0"], ["--watch", "3601"], ["--watch=2s"],
        ])
    func `what names no broker, or two, is refused`(_ words: [String]) {
        let failure = #expect(throws: AdminFailure.self) { try taken(words) }
        #expect(failure?.kind == .usage)
    }

    @Test func `variables count where the command line names no broker`() throws {
        let all = ["VERNEMQ_SOCKET": "s", "VERNEMQ_CONF": "c"]
        #expect(try taken([], all).0.socket == "s")
        #expect(try taken(["--socket=x"], all).0.socket == "x")
        #expect(try taken(["--config=x"], all).0.socket == nil)
        #expect(try taken(["--config=x"], all).0.configuration == "x")
        #expect(try taken([], ["VERNEMQ_CONF": "c"]).0.configuration == "c")
        let remote = try taken(
            [], ["VERNEMQ_URL": "http://h", "VERNEMQ_API_KEY": "k", "VERNEMQ_CONF": "c"]
        ).0
        #expect(remote.url == "http://h" && remote.key == "k" && remote.configuration == nil)
        #expect(try taken(["--url=http://h", "--api-key=own"], ["VERNEMQ_API_KEY": "k"]).0.key == "own")
        #expect(try taken(["--socket=x"], ["VERNEMQ_API_KEY": "k"]).0.key == nil)
        #expect(try taken([], ["VERNEMQ_SOCKET": ""]).0 == ConnectionOptions())
        #expect(throws: AdminFailure.self) {
            try taken([], ["VERNEMQ_SOCKET": "s", "VERNEMQ_URL": "http://h"])
        }
    }

    @Test func `a broker may be silent for a minute, and while it streams for ever`() {
        #expect(ConnectionOptions.Patience.standard.seconds(isStreaming: false) == 60)
        #expect(ConnectionOptions.Patience.standard.seconds(isStreaming: true) == nil)
        #expect(ConnectionOptions.Patience.seconds(5).seconds(isStreaming: true) == 5)
        #expect(ConnectionOptions.Patience.endless.seconds(isStreaming: false) == nil)
    }
}
