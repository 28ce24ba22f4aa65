import Primitives
import Testing
import Tracer

@Suite struct StatusTextTests {
    private static let subject = TraceSubject(token: "<0.812.0>", clientID: "bob")

    @Test(arguments: [
        (TraceStatus.noSessions(clientID: "bob"), "No sessions found for client \"bob\""),
        (
            .started(clientID: "bob", tokens: ["<0.1.0>", "<0.2.0>"]),
            "Starting trace for 2 existing sessions for client \"bob\" with PIDs\n    [<0.1.0>,<0.2.0>]"
        ),
        (.newSession(subject), "New session with PID <0.812.0> found for client \"bob\""),
        (.sessionStopped(subject), "<0.812.0> Trace session for bob stopped"),
        (.rateLimited, "Trace rate limit triggered."),
        (.terminated, "Trace terminated by external action."),
        (.skipped(12), "12 events skipped"),
        (.dropped(3), "3 events dropped because the reader is slow"),
    ])
    func `each thing that a trace says of itself is a line`(_ status: TraceStatus, _ text: String) {
        let lines = TraceText().status(status, at: TraceTime(seconds: 1_588_195_179))
        #expect(String(decoding: lines, as: UTF8.self) == "2020-04-29T21:19:39Z \(text)\n")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (1_709_164_800_042, "2024-02-29T00:00:00.042Z"), (Int64.min, "0001-01-01T00:00:00.192Z"),
        (Int64.max, "9999-12-31T23:59:59.807Z"),
    ])
    func `times can have milliseconds`(_ milliseconds: Int64, _ text: String) {
        let lines = TraceText().status(.rateLimited, at: TraceTime(milliseconds: milliseconds))
        #expect(String(decoding: lines, as: UTF8.self).hasPrefix(text + " "))
    }
}
