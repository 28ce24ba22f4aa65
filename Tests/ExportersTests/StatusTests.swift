import BrokerMetrics
import Foundation
import Testing

@testable import Exporters

@Suite struct StatusJSONTests {
    private let status = NodeStatus(
        node: "VerneMQ@127.0.0.1", version: "2.2.0",
        listeners: [
            ListenerStatus(
                type: "mqtt", isRunning: true, ip: "127.0.0.1", port: 1883, maximumConnections: 10_000),
            ListenerStatus(type: "mqttws", isRunning: false, ip: "::1", port: 8080, mountpoint: "a\"b"),
        ])

    private var snapshot: Snapshot {
        let counters = LoopCounters()
        counters.move(.sessionsOnline, by: 2)
        counters.move(.sessionsOffline, by: 3)
        counters.add(.publishReceived, .v4, 7)
        counters.add(.publishReceived, .v5, 11)
        counters.add(.publishSent, .v5, 337)
        counters.add(.queueMessageIn, 339)
        counters.add(.ledgerDelivered, 330)
        counters.add(lost: .queueFull, 4)
        counters.add(lost: .offlineQoS0, 3)
        counters.add(lost: .sessionEnded, 2)
        counters.add(.routerMatchesLocal, 334)
        return Snapshot(
            loops: [Snapshot.Loop(words: counters.copy(), utilization: 12)],
            samples: [
                "active_mqtt_connections": [RoomSample(value: 2)],
                "router_subscriptions": [RoomSample(value: 7)],
                "retain_messages": [RoomSample(value: 2)],
            ])
    }

    private func object(_ snapshot: Snapshot) throws -> [String: Any] {
        let facts = StatusFacts(snapshot: snapshot, node: status, wallMilliseconds: 1_764_478_399_000)
        let json =
            try JSONSerialization.jsonObject(with: Data(StatusJSON.render(facts)))
            as? [[String: [String: Any]]]
        return try #require(json?.first?["VerneMQ@127.0.0.1"])
    }

    @Test func `status.json begins with VerneMQ's fields in VerneMQ's shape`() {
        let text = String(
            decoding: StatusJSON.render(StatusFacts(snapshot: snapshot, node: status)), as: UTF8.self)
        let begin =
            #"[{"VerneMQ@127.0.0.1":{"num_online":2,"num_offline":3,"msg_in":18,"msg_out":337,"queue_in":339,"#
            + #""queue_out":330,"queue_drop":4,"queue_unhandled":5,"msg_drop":9,"num_subscriptions":7,"#
            + #""num_retained":2,"#
            + #""matches_local":334,"matches_remote":0,"version":"2.2.0","mystatus":[{"VerneMQ@127.0.0.1":true}],"#
            + #""listeners":[{"type":"mqtt","status":"running","ip":"127.0.0.1","port":1883,"mountpoint":"","#
            + #""max_conns":10000},{"type":"mqttws","status":"suspended","ip":"::1","port":8080,"#
            + #""mountpoint":"a\"b","max_conns":"infinity"}],"#
        #expect(text.hasPrefix(begin))
    }

    @Test(arguments: DropReason.allCases) func `every loss reaches the drop rate of VerneMQ's page`(
        reason: DropReason
    ) throws {
        let counters = LoopCounters()
        counters.add(lost: reason, 5)
        let object = try object(Snapshot(loops: [Snapshot.Loop(words: counters.copy())]))
        #expect(object["msg_drop"] as? Int == 5)
        let (dropped, unhandled) = (object["queue_drop"] as? Int ?? 0, object["queue_unhandled"] as? Int ?? 0)
        #expect(dropped + unhandled == 5)
    }

    @Test func `ours has every reason, equation and loop`() throws {
        let object = try object(snapshot)
        let drops = try #require(object["drops"] as? [[String: Any]])
        #expect(drops.map { $0["reason"] as? String } == DropReason.allCases.map(\.label))
        #expect(drops[0]["count"] as? Int == 4 && drops[0]["rate"] is NSNull)
        let rejects = try #require(object["rejects"] as? [[String: Any]])
        #expect(rejects.map { $0["reason"] as? String } == RejectReason.allCases.map(\.label))
        let ledger = try #require(object["ledger"] as? [String: Any])
        let residual = try #require(ledger["residual"] as? [String: Int])
        #expect(Set(residual.keys) == Set(LedgerEquation.allCases.map(\.rawValue)))
        for name in ["messages_by_origin", "copies_by_origin"] {
            let origins = try #require(ledger[name] as? [String: Int])
            #expect(Set(origins.keys) == Set(PublicationOrigin.allCases.map(\.label)))
        }
        #expect(
            (ledger["copies_by_origin"] as? [String: Int])?.values.reduce(0, +) == ledger["copies"] as? Int)
        #expect(ledger["delivered"] as? Int == 330 && ledger["lost"] as? Int == 9)
        #expect((object["loops"] as? [[String: Any]])?.count == 1)
        #expect((object["store"] as? [String: Any])?["failing"] as? Bool == false)
        #expect((object["latency"] as? [String: Any])?["p99_s"] is NSNull)
        #expect(object["state"] as? String == "failing")
        let warnings = try #require(object["warnings"] as? [[String: String]])
        #expect(
            warnings.map { $0["severity"] } == ["critical"] && warnings[0]["runbook"] == "VerneMQNotReady")
    }

    @Test func `ours says when the store takes no writes`() throws {
        let object = try object(
            Snapshot(
                loops: [],
                samples: [
                    "store_failing": [RoomSample(value: 1)],
                    "store_damaged_rows_total": [RoomSample(value: 3)],
                ]))
        let store = try #require(object["store"] as? [String: Any])
        #expect(store["failing"] as? Bool == true && store["damaged_rows"] as? Int == 3)
    }

    @Test(arguments: [
        (0.0, "0"), (3, "3"), (-2.5, "-2.5"), (1234.56, "1235.0"), (0.123456, "0.1235"), (.nan, "null"),
        (.infinity, "null"),
    ]) func `short numbers have four digits and are JSON`(value: Double, text: String) {
        var json = JSONText()
        json.short(value)
        #expect(String(decoding: json.bytes, as: UTF8.self) == text)
    }

    @Test func `text with quotes, controls and other scripts survives`() throws {
        let name = "a\"\\\u{1}\n\u{1F}é漢"
        let json = StatusJSON.render(
            StatusFacts(
                snapshot: Snapshot(loops: []), node: NodeStatus(node: name, version: "", listeners: [])))
        let object = try JSONSerialization.jsonObject(with: Data(json)) as? [[String: Any]]
        #expect(object?.first?.keys.first == name)
    }
}

@Suite struct HealthTests {
    private func text(_ health: Health) -> String { String(decoding: health.body, as: UTF8.self) }
    private let running = ListenerStatus(type: "mqtt", isRunning: true, ip: "::", port: 1)
    private func stopped(_ type: String) -> ListenerStatus {
        ListenerStatus(type: type, isRunning: false, ip: "::", port: 1)
    }

    @Test func `a node that is well says OK everywhere`() {
        for health in [
            Health.ping, .node(.ready, [running]), .listeners([running]), .fullCluster(.ready, [running]),
            .node(.memberOffline, [running]),
        ] {
            #expect(health.statusCode == 200)
            #expect(text(health) == #"{"status":"OK"}"#)
        }
    }

    @Test func `a listener that does not run is named`() {
        let listeners = [running, stopped("mqtt"), stopped("mqttws")]
        #expect(Health.listeners(listeners).statusCode == 503)
        #expect(
            text(.listeners(listeners))
                == #"{"status":"DOWN","reason":"Listeners are not ready: [mqtt,mqttws]"}"#)
        #expect(
            text(.node(.ready, listeners))
                == #"{"status":"DOWN","reasons":["Listeners are not ready: [mqtt,mqttws]"]}"#)
    }

    @Test func `a loop that is stalled is named`() {
        let health = Health.node(.ready, [running], stalledLoops: [1, 3])
        #expect(health.statusCode == 503)
        #expect(text(health) == #"{"status":"DOWN","reasons":["Event loops do not answer: [1,3]"]}"#)
    }

    @Test func `a node is ready when nothing keeps every client out`() {
        func reasons(_ change: (inout Health.Readiness) -> Void) -> String {
            var readiness = Health.Readiness()
            readiness.listeners = [running]
            change(&readiness)
            let health = Health.ready(readiness, duration: 7999)
            let body = text(health)
            #expect((health.statusCode == 200) == body.hasPrefix(#"{"status":"OK","reasons":[],"#))
            return body
        }
        func full(_ connections: Int) -> ListenerStatus {
            ListenerStatus(
                type: "mqtt", isRunning: true, ip: "::", port: 1, maximumConnections: 2,
                connections: connections)
        }
        func down(_ reason: String) -> String {
            #"{"status":"DOWN","reasons":["\#(reason)"],"duration_us":7}"#
        }
        let ok = #"{"status":"OK","reasons":[],"duration_us":7}"#
        #expect(reasons { _ in } == ok)
        #expect(reasons { $0.isStarted = false } == down("Node is starting"))
        #expect(reasons { $0.isStopping = true } == down("Node is stopping"))
        #expect(reasons { $0.listeners += [stopped("http")] } == down("Listeners are not ready: [http]"))
        #expect(reasons { $0.listeners = [] } == down("There is no listener for clients"))
        #expect(reasons { $0.stalledLoops = [0] } == down("Event loops do not answer: [0]"))
        #expect(reasons { $0.isStoreFailing = true } == down("The store takes no writes"))
        #expect(reasons { $0.isOutOfDescriptors = true } == down("Clients have all descriptors"))
        #expect(reasons { $0.listeners = [full(2)] } == down("All listeners have max_connections"))
        #expect(reasons { $0.listeners = [full(1)] } == ok)
        // Who is not let in by one gets in by the other.
        #expect(reasons { $0.listeners = [full(2), running] } == ok)
    }

    @Test func `a check tells what it took`() {
        #expect(
            text(.live(silentLoops: [(1, 12)], duration: 2000))
                == #"{"status":"DOWN","reasons":["Event loop 1 has not answered for 12 s"],"duration_us":2}"#)
        let path = Health.path(
            reasons: ["a"], ways: [(0, [("loop_us", 5000), ("queue_us", nil)])], store: ("store_us", 9000),
            duration: 10_000)
        #expect(path.statusCode == 503)
        #expect(
            text(path)
                == #"{"status":"DOWN","reasons":["a"],"duration_us":10,"loops":[{"loop":0,"loop_us":5,"queue_us":null}],"store_us":9}"#
        )
    }

    @Test(arguments: [
        (Health.ClusterState.unknown, "Unknown cluster status"), (.notJoined, "Node has not joined cluster"),
        (.memberOffline, "At least one node is offline"),
    ]) func `the reason of the cluster comes first`(state: Health.ClusterState, reason: String) {
        let health = Health.fullCluster(state, [stopped("http")])
        #expect(health.statusCode == 503)
        #expect(
            text(health) == #"{"status":"DOWN","reasons":["\#(reason)","Listeners are not ready: [http]"]}"#)
    }
}

@Suite struct StatusPageTests {
    private let page = String(decoding: StatusPage.html(nonce: "abc"), as: UTF8.self)

    @Test func `the page asks nobody else for anything`() {
        for marker in ["http://", "https://", "//cdn", "@import", "url(", "src=", "innerHTML", " style="] {
            #expect(!page.contains(marker), "\(marker)")
        }
        #expect(page.contains(#"get("status.json")"#))
    }

    @Test func `nothing runs but what carries the nonce of this answer`() throws {
        #expect(page.contains(#"<style nonce="abc">"#) && page.contains(#"<script nonce="abc">"#))
        let policy = try #require(
            StatusPage.securityHeaders(nonce: "abc").first { $0.name == "Content-Security-Policy" })
        #expect(policy.value.contains("default-src 'none'; style-src 'nonce-abc'; script-src 'nonce-abc'"))
        #expect(!policy.value.contains("unsafe"))
        let nonces = Set((0..<100).map { _ in StatusPage.nonce() })
        #expect(nonces.count == 100)
        #expect(nonces.joined().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
    }

    @Test func `the page is whole, says its language and fits a phone`() {
        #expect(page.hasPrefix("<!doctype html><html lang=\"en\">"))
        #expect(page.hasSuffix("</html>\n"))
        #expect(page.contains("width=device-width"))
        #expect(page.contains("prefers-color-scheme:dark"))
    }

    @Test func `every element the script looks for is in the page`() throws {
        let calls = try Regex(#"(?:byId|setText|spark|showTable)\("([a-z0-9-]+)""#)
        for match in page.matches(of: calls) {
            let name = try #require(match.output[1].substring)
            #expect(page.contains(#"id="\#(name)""#), "\(name)")
        }
    }

    @Test func `every field the script reads is sent`() throws {
        let json = String(
            decoding: StatusJSON.render(
                StatusFacts(
                    snapshot: Snapshot(
                        loops: [Snapshot.Loop(words: [])],
                        samples: ["descriptors_limit": [RoomSample(["a"], value: 1)]]),
                    node: NodeStatus(node: "n", version: "1", listeners: []))),
            as: UTF8.self)
        let reads = try Regex(
            #"(?:[^/a-zA-Z.](?:node\??|loop|store|ledger|rates|latency|node\.descriptors)\.)([a-z0-9_]+)"#)
        let names = try page.matches(of: reads).map { try #require($0.output[1].substring) }
        #expect(names.count > 40)
        for name in names { #expect(json.contains("\"\(name)\":"), "\(name)") }
    }

    @Test func `every series a chart draws is remembered`() throws {
        for match in page.matches(of: try Regex(#"\["([a-z_0-9]+)", "[a-z0-9 ]+"\]"#)) {
            let name = try #require(match.output[1].substring)
            #expect(name.hasSuffix("-course") || KeySeries.index(named: String(name)) != nil, "\(name)")
        }
    }
}
