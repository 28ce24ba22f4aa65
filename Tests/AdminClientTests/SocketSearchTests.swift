import Testing

@testable import AdminClient

@Suite struct SocketSearchTests {
    private typealias Refusal = SocketSearch.Refusal

    /// A machine on which somebody answers on `sockets`, with these configurations.
    private func world(_ sockets: Set<String>, _ configurations: [String: SocketSearch.Facts] = [:])
        -> SocketSearch.World
    {
        SocketSearch.World(
            probe: { (path) throws(Refusal) in
                if !sockets.contains(path) { throw Refusal("refused") }
            },
            read: { (path) throws(Refusal) in
                guard let facts = configurations[path] else { throw Refusal("missing") }
                return facts
            })
    }

    private func options(socket: String? = nil, configuration: String? = nil) -> ConnectionOptions {
        var options = ConnectionOptions()
        options.socket = socket
        options.configuration = configuration
        return options
    }

    private let everywhere: Set = [
        "a/x.sock", "./data/admin.sock", "/run/vernemq/admin.sock", "/var/lib/vernemq/admin.sock", "/s",
    ]

    @Test func `a socket that is named is the only place`() {
        let found = SocketSearch.find(options(socket: "/none"), in: world(everywhere))
        #expect(found.socket == nil && found.misses == [.init(place: "/none", reason: "refused")])
        #expect(SocketSearch.find(options(socket: "/s"), in: world(everywhere)).socket == "/s")
    }

    @Test func `a configuration that is named is the only place, and names the node`() {
        let facts = ["/f": SocketSearch.Facts(socket: "/s", nodeName: "n@h")]
        let found = SocketSearch.find(options(configuration: "/f"), in: world(everywhere, facts))
        #expect(found == .init(socket: "/s", misses: [], nodeName: "n@h"))
        let lost = SocketSearch.find(options(configuration: "/f"), in: world([], facts))
        #expect(lost.misses == [.init(place: "/s (from /f)", reason: "refused")] && lost.nodeName == "n@h")
        let missing = SocketSearch.find(options(configuration: "/g"), in: world(everywhere, facts))
        #expect(missing.socket == nil && missing.misses == [.init(place: "/g", reason: "missing")])
    }

    @Test func `without a word the usual places are looked at in order`() {
        var left = everywhere
        let facts = [
            "etc/vernemq.conf": SocketSearch.Facts(socket: "a/x.sock", nodeName: "near"),
            "/etc/vernemq/vernemq.conf": SocketSearch.Facts(socket: "/s", nodeName: "far"),
        ]
        for socket in [
            "a/x.sock", "./data/admin.sock", "/run/vernemq/admin.sock", "/var/lib/vernemq/admin.sock", "/s",
        ] {
            #expect(SocketSearch.find(options(), in: world(left, facts)).socket == socket)
            left.remove(socket)
        }
        let nothing = SocketSearch.find(options(), in: world(left, facts))
        #expect(nothing.misses.count == 5 && nothing.nodeName == "near")
        #expect(SocketSearch.find(options(), in: world([])).misses.count == 5)
    }

    @Test func `a place that two name is looked at once`() {
        let facts = ["etc/vernemq.conf": SocketSearch.Facts(socket: "./data/admin.sock", nodeName: "n")]
        let found = SocketSearch.find(options(), in: world([], facts))
        #expect(found.misses.filter { $0.place.contains("data/admin.sock") }.count == 1)
    }

    @Test(
        arguments: [
            ("/s", "etc/vernemq.conf", ["/s"]),
            ("./data/s", "etc/vernemq.conf", ["./data/s"]),
            ("./data/s", "/opt/v/etc/vernemq.conf", ["./data/s", "/opt/v/data/s"]),
            ("data/s", "b/etc/x.conf", ["data/s", "b/data/s"]),
            ("./s", "/etc/x.conf", ["./s", "/s"]),
            ("./s", "x.conf", ["./s"]),
            ("./s", "/opt/v/x.conf", ["./s", "/opt/v/s"]),
        ])
    func `a relative path counts from here, or from where the configuration stands, above etc`(
        _ path: String, _ configuration: String, _ sockets: [String]
    ) {
        #expect(SocketSearch.sockets(path, of: configuration) == sockets)
    }
}
