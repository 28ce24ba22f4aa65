import Admin

/// `vmq-admin __complete -- WORDS…`, which the shell calls when one presses Tab. It says nothing of what goes wrong.
struct CompletionAnswer {
    let environment: [String: String]

    /// A shell that waits longer feels broken.
    private static let milliseconds: UInt64 = 500
    private static let mostBytes = 1 << 20

    /// - Parameter words: those behind `--`; the last is being written.
    func lines(_ words: [String]) -> String {
        let completion = ShellCompletion(.vmqAdmin) { source, prefix in values(source, prefix, words) }
        return ShellCompletion.lines(completion.candidates(words))
    }

    private func values(_ source: ValueSource, _ prefix: String, _ words: [String]) -> [String] {
        var options = ConnectionOptions()
        // The word that is being written is no option yet.
        guard (try? options.take(from: Array(words.dropLast()))) != nil,
            (try? options.fill(from: environment)) != nil,
            let endpoint = endpoint(options)
        else { return [] }
        var status = 0
        var contentType = ""
        var body: [UInt8] = []
        var transfer = Transfer(
            endpoint: endpoint, target: RequestTarget.completion(source, prefix: prefix), isPost: false,
            accept: "text/plain")
        transfer.authorities = TrustedAuthorities.file(environment)
        transfer.milliseconds = Self.milliseconds
        let end = transfer.perform(
            Transfer.Handler(
                begin: {
                    status = $0
                    contentType = $1
                },
                take: {
                    body += $0
                    return body.count <= Self.mostBytes
                }))
        guard case .complete = end, status == 200, contentType.hasPrefix("text/plain") else { return [] }
        return body.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    private func endpoint(_ options: ConnectionOptions) -> Endpoint? {
        if let url = options.url { return try? Endpoint(url: url, key: options.key) }
        return SocketSearch.find(options, in: .system(environment)).socket.map { .socket($0) }
    }
}
