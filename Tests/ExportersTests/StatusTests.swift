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
            external: [
                .activeMQTTConnections: [ExternalSample(value: 2)],
                .routerSubscriptions: [ExternalSample(value: 7)],
                .retainMessages: [ExternalSample(value: 2)],
            ])
    }

    @Test func `status.json has VerneMQ's shape`() {
        #expect(
            String(decoding: StatusJSON.render(snapshot, status), as: UTF8.self)
                == #"[{"VerneMQ@127.0.0.1":{"num_online":2,"num_offline":3,"msg_in":18,"msg_out":337,"queue_in":339,"#
                + #""queue_out":330,"queue_drop":4,"queue_unhandled":5,"num_subscriptions":7,"num_retained":2,"#
                + #""matches_local":334,"matches_remote":0,"version":"2.2.0","mystatus":[{"VerneMQ@127.0.0.1":true}],"#
                + #""listeners":[{"type":"mqtt","status":"running","ip":"127.0.0.1","port":1883,"mountpoint":"","#
                + #""max_conns":10000},{"type":"mqttws","status":"suspended","ip":"::1","port":8080,"#
                + #""mountpoint":"a\"b","max_conns":"infinity"}]}}]"#)
    }

    @Test func `the details are JSON with every drop reason, equation and loop`() throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(StatusJSON.renderDetails(snapshot, status)))
                as? [String: Any])
        let drops = try #require(object["drops"] as? [String: Int])
        #expect(Set(drops.keys) == Set(DropReason.allCases.map(\.label)))
        #expect(drops["queue_full"] == 4)
        let ledger = try #require(object["ledger"] as? [String: Int])
        #expect(Set(ledger.keys) == Set(LedgerEquation.allCases.map(\.rawValue)))
        let loops = try #require(object["loops"] as? [[String: Any]])
        #expect(loops.count == 1 && loops[0]["busy_percent"] as? Int == 12)
        let store = try #require(object["store"] as? [String: Any])
        #expect(store["failing"] as? Bool == false && store["messages"] as? Int == 0)
    }

    @Test func `the details say when the store takes no writes`() throws {
        let snapshot = Snapshot(
            loops: [],
            external: [.storeFailing: [ExternalSample(value: 1)], .storeDamaged: [ExternalSample(value: 3)]])
        let object = try JSONSerialization.jsonObject(with: Data(StatusJSON.renderDetails(snapshot, status)))
        let store = try #require((object as? [String: Any])?["store"] as? [String: Any])
        #expect(store["failing"] as? Bool == true && store["damaged_rows"] as? Int == 3)
    }

    @Test func `text with quotes, controls and other scripts survives`() throws {
        let name = "a\"\\\u{1}\n\u{1F}é漢"
        let json = StatusJSON.render(Snapshot(loops: []), NodeStatus(node: name, version: "", listeners: []))
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
    private let page = String(decoding: StatusPage.html, as: UTF8.self)

    @Test func `the page asks nobody else for anything`() {
        for marker in ["http://", "https://", "//cdn", "@import", "url(", "<link", "src="] {
            #expect(!page.contains(marker), "\(marker)")
        }
        #expect(page.contains(#"get("status.json")"#))
    }

    @Test func `the page is whole, says its language and fits a phone`() {
        #expect(page.hasPrefix("<!doctype html><html lang=\"en\">"))
        #expect(page.hasSuffix("</html>\n"))
        #expect(page.contains("width=device-width"))
        #expect(page.contains("prefers-color-scheme:dark"))
    }

    @Test func `every element the script looks for is in the page`() throws {
        for match in page.matches(of: try Regex(#"byId\("([a-z-]+)"\)"#)) {
            let name = try #require(match.output[1].substring)
            #expect(page.contains(#"id="\#(name)""#), "\(name)")
        }
    }

    @Test func `every field of the details the script reads is sent`() throws {
        let json = String(
            decoding: StatusJSON.renderDetails(
                Snapshot(loops: [Snapshot.Loop(words: [])]),
                NodeStatus(node: "n", version: "1", listeners: [])),
            as: UTF8.self)
        for match in page.matches(of: try Regex(#"[^/a-z](?:details\??|loop)\.([a-z_]+)"#)) {
            let name = try #require(match.output[1].substring)
            #expect(json.contains("\"\(name)\":"), "\(name)")
        }
    }
}
