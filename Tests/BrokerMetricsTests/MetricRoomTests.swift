import BrokerMetrics
import Synchronization
import Testing

/// What a room may declare and give.
@Suite struct MetricRoomTests {
    private func room(_ name: String, _ families: MetricFamily...) -> MetricRoom {
        MetricRoom(name, families)
    }
    private func counter(_ name: String, _ labels: [LabelDeclaration] = []) -> MetricFamily {
        .counter(name, .events, labels, help: "Something.")
    }

    private func problem(of rooms: MetricRoom...) -> String? {
        do {
            _ = try MetricCatalog(rooms: rooms)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a metric that two rooms declare ends the start with both names`() {
        #expect(
            problem(of: room("Webhooks", counter("calls_total")), room("Lua", counter("calls_total")))
                == "metrics: Webhooks and Lua both declare the metric calls_total")
        #expect(
            problem(of: room("Lua", counter("socket_open")))
                == "metrics: the core and Lua both declare the metric socket_open")
        #expect(
            problem(of: room("Lua", counter("calls_total")), room("Webhooks", counter("posts_total"))) == nil)
    }

    @Test func `names that differ and are the same in a format end the start`() {
        let gauge = MetricFamily.gauge("calls", .calls, help: "Something.")
        #expect(
            problem(of: room("Webhooks", counter("calls_total")), room("Lua", gauge))
                == "metrics: calls of Lua and calls_total of Webhooks have the same names on /metrics; rename one"
        )
        let histogram = MetricFamily.histogram("calls", .seconds, .turnSeconds, help: "Something.")
        let sum = MetricFamily.gauge("calls_sum", .calls, help: "Something.")
        #expect(
            problem(of: room("Lua", histogram, sum))?.contains("calls_sum of Lua and calls of Lua") == true)
    }

    @Test func `two rooms of one name, and names that no format takes, end the start`() {
        #expect(
            problem(of: room("Lua", counter("a_total")), room("Lua", counter("b_total")))
                == "metrics: two rooms are called Lua")
        for name in ["", "9a_total", "A_total", "a-b_total", "ä_total", "a b"] {
            #expect(problem(of: room("Lua", counter(name)))?.contains("\"\(name)\"") == true)
        }
        let labels: [LabelDeclaration] = [
            .open("node"), .open("le"), .open("Plugin"), .open(""), .closed("a", []),
            .closed("a", ["x", "x"]),
        ]
        for label in labels {
            let text = problem(of: room("Lua", counter("a_total", [label])))
            #expect(text?.hasPrefix("metrics: Lua declares a_total with the label \"\(label.name)\"") == true)
        }
        #expect(problem(of: room("Lua", counter("a_total", [.open("a"), .open("a")]))) != nil)
    }

    private func firstProblem(_ read: @escaping MetricsRegistry.Reader) -> String? {
        do {
            _ = try TestRoom.registry(read)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a sample that was not declared ends the start with the names of room and metric`() {
        let stranger = counter("stranger_total")
        #expect(
            firstProblem { $0.add(stranger, 1) }
                == "metrics: Test gives samples of stranger_total, which it does not declare")
        #expect(
            firstProblem { $0.add(TestRoom.rows, ["colour": "red"], 1) }
                == "metrics: Test gives a sample of store_rows the label colour; it declares kind")
        #expect(
            firstProblem { $0.add(TestRoom.plain, ["colour": "red"], 1) }
                == "metrics: Test gives a sample of room_plain the label colour; it declares no label")
        #expect(
            firstProblem { $0.add(TestRoom.listeners, ["listener": "a"], 1) }
                == "metrics: Test gives a sample of listener_connections without its label type")
        #expect(
            firstProblem { $0.add(TestRoom.rows, ["kind": "red"], 1) }
                == "metrics: Test gives store_rows the value \"red\" of the label kind; allowed are copies, bodies"
        )
        let histogram = SharedHistogram()
        #expect(
            firstProblem { $0.add(TestRoom.plain, histogram) }
                == "metrics: Test gives room_plain a distribution, and it is none")
        #expect(
            firstProblem { $0.add(TestRoom.batch, 5) }
                == "metrics: Test gives room_batch a number, and it is a histogram")
    }

    @Test func `a room that the catalogue does not have, or that comes twice, ends the start`() throws {
        let registry = try TestRoom.registry { $0.add(TestRoom.plain, 1) }
        #expect(throws: MetricConflict.self) { try registry.register(TestRoom.room) { _ in } }
        do {
            try registry.register(room("Lua", counter("a_total"))) { _ in }
            Issue.record("a room that is not in the catalogue was taken")
        } catch {
            #expect("\(error)" == "metrics: Lua is not among the rooms of the catalogue")
        }
        #expect(lines(registry.snapshot(), "room_plain") == ["": 1])
    }

    @Test func `at run time such a sample is left out and counted, and the others are shown`() throws {
        let isBroken = Mutex(false)
        let registry = try TestRoom.registry { reading in
            if isBroken.withLock({ $0 }) {
                reading.add(TestRoom.rows, ["kind": "red"], 1)
                reading.add(TestRoom.rows, ["colour": "red"], 1)
            }
            reading.add(TestRoom.rows, ["kind": "bodies"], 5)
        }
        #expect(lines(registry.snapshot(), "metrics_undeclared_samples_total") == ["room=Test": 0])
        isBroken.withLock { $0 = true }
        #expect(lines(registry.snapshot(), "store_rows") == ["kind=bodies": 5])
        #expect(lines(registry.snapshot(), "metrics_undeclared_samples_total") == ["room=Test": 4])
    }

    @Test func `a room is read once for each snapshot`() throws {
        let count = Mutex(0)
        let registry = try TestRoom.registry { reading in
            let number = count.withLock { count -> Int in
                count += 1
                return count
            }
            reading.add(TestRoom.plain, number)
            reading.add(TestRoom.rows, ["kind": "copies"], number)
        }
        let snapshot = registry.snapshot()
        #expect(lines(snapshot, "room_plain") == ["": 2])
        #expect(lines(snapshot, "store_rows") == ["kind=copies": 2])
    }

    @Test func `rooms' names of VerneMQ stand with VerneMQ's`() throws {
        let old = MetricFamily.counter("old_name", .events, heritage: .verneMQCounter, help: "VerneMQ's.")
        let catalog = try MetricCatalog(rooms: [MetricRoom("Lua", [counter("a_total"), old])])
        let heritages = catalog.families.map(\.heritage)
        #expect(heritages == MetricHeritage.allCases.flatMap { kind in heritages.filter { $0 == kind } })
        #expect(catalog["old_name"] != nil && catalog["a_total"] != nil && catalog["none"] == nil)
    }
}
