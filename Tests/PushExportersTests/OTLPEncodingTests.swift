import BrokerMetrics
import OTLPMessages
import PushExporters
import SwiftProtobuf
import Testing

@Suite struct OTLPEncodingTests {
    private typealias Metric = Opentelemetry_Proto_Metrics_V1_Metric
    private typealias Request = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest

    private func request(
        namespace: String = "vernemq_", _ attributes: [(name: String, value: String)] = [],
        _ count: (LoopCounters) -> Void = { _ in }
    ) -> (Request, pointCount: Int) {
        let counters = LoopCounters()
        count(counters)
        let snapshot = Snapshot(
            loops: [Snapshot.Loop(words: counters.copy())], version: "1.0",
            startedAtMilliseconds: 1_699_999_000_500)
        let source = MetricsSource(
            registry: MetricsRegistry(version: "1.0", catalog: .full(1)), node: "VerneMQ@127.0.0.1",
            namespace: namespace, version: "1.0")
        return OTLPEncoding(source, attributes: attributes).request(
            snapshot, wallMilliseconds: 1_700_000_000_250)
    }

    private func metrics(_ request: Request) throws -> [Metric] {
        let resource = try #require(request.resourceMetrics.first)
        #expect(request.resourceMetrics.count == 1 && resource.scopeMetrics.count == 1)
        return resource.scopeMetrics[0].metrics
    }

    private func metric(_ name: String, in request: Request) throws -> Metric {
        try #require(try metrics(request).first { $0.name == name })
    }

    private func labels(_ attributes: [Opentelemetry_Proto_Common_V1_KeyValue]) -> [String] {
        attributes.map { "\($0.key)=\($0.value.stringValue)" }
    }

    @Test func `a counter is a monotonic sum since the start of the broker, with a point for each series`()
        throws
    {
        let (request, _) = request {
            $0.add(.subscribeReceived, .v4, 1)
            $0.add(.subscribeReceived, .v5, 2)
        }
        let metric = try metric("vernemq_mqtt_subscribe_received", in: request)
        #expect(metric.description_p == "SUBSCRIBE packets received." && metric.unit == "{packets}")
        #expect(metric.sum.isMonotonic && metric.sum.aggregationTemporality == .cumulative)
        #expect(
            metric.sum.dataPoints.map { labels($0.attributes) } == [["mqtt_version=4"], ["mqtt_version=5"]])
        #expect(metric.sum.dataPoints.map(\.asInt) == [1, 2])
        for point in metric.sum.dataPoints {
            #expect(point.startTimeUnixNano == 1_699_999_000_500_000_000)
            #expect(point.timeUnixNano == 1_700_000_000_250_000_000)
        }
    }

    @Test func `a gauge tells of a moment`() throws {
        let (request, _) = request { $0.move(.queuedMessages, by: -4) }
        let metric = try metric("vernemq_queued_messages", in: request)
        #expect(metric.gauge.dataPoints.map(\.asInt) == [-4])
        #expect(metric.gauge.dataPoints.allSatisfy { $0.startTimeUnixNano == 0 && $0.attributes.isEmpty })
    }

    @Test func `seconds are seconds, with their unit`() throws {
        let (request, _) = request { $0.add(.loopBusyNanoseconds, 1_500_000_000) }
        let metric = try metric("vernemq_loop_busy_seconds_total", in: request)
        #expect(metric.unit == "s" && metric.sum.dataPoints.map(\.asDouble) == [1.5])
        #expect(try self.metric("vernemq_graphite_sent_bytes_total", in: request).unit == "By")
        // With the unit, receivers would call it bytes_received_bytes_total.
        #expect(try self.metric("vernemq_bytes_received", in: request).unit == "{bytes}")
    }

    @Test func `a histogram has a count for each bucket, and one for what lies above`() throws {
        let (request, _) = request {
            $0.observe(.turnNanoseconds, 1_000)
            $0.observe(.turnNanoseconds, 2_000)
            $0.observe(.turnNanoseconds, 300_000)
            $0.observe(.turnNanoseconds, 60_000_000_000)
        }
        let metric = try metric("vernemq_loop_turn_seconds", in: request)
        #expect(metric.unit == "s" && metric.histogram.aggregationTemporality == .cumulative)
        let point = try #require(metric.histogram.dataPoints.first)
        #expect(point.count == 4 && point.sum == 60.000303)
        #expect(point.explicitBounds.first == 0.000_01 && point.explicitBounds.last == 10)
        #expect(point.bucketCounts == [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(point.bucketCounts.count == point.explicitBounds.count + 1)
        #expect(point.startTimeUnixNano == 1_699_999_000_500_000_000)
    }

    @Test func `the resource is this broker, and settings add to it and replace`() throws {
        let plain = try #require(request().0.resourceMetrics.first)
        #expect(
            labels(plain.resource.attributes) == [
                "service.instance.id=VerneMQ@127.0.0.1", "service.name=vernemq", "service.version=1.0",
            ])
        #expect(plain.scopeMetrics[0].scope.name == "vernemq" && plain.scopeMetrics[0].scope.version == "1.0")
        let other = try #require(
            request([("service.name", "broker"), ("deployment.environment.name", "test")]).0
                .resourceMetrics.first)
        #expect(
            labels(other.resource.attributes) == [
                "deployment.environment.name=test", "service.instance.id=VerneMQ@127.0.0.1",
                "service.name=broker", "service.version=1.0",
            ])
    }

    @Test func `names are those of the exposition, each once, and all points are counted`() throws {
        let (request, pointCount) = request(namespace: "")
        let metrics = try metrics(request)
        #expect(Set(metrics.map(\.name)).count == metrics.count && metrics.count > 200)
        #expect(metrics.contains { $0.name == "socket_open" })
        let points = metrics.reduce(0) {
            $0 + $1.gauge.dataPoints.count + $1.sum.dataPoints.count + $1.histogram.dataPoints.count
        }
        #expect(points == pointCount)
    }

    @Test func `a metric has these bytes`() throws {
        let (request, _) = request { $0.add(.socketOpen, 7) }
        let bytes: [UInt8] = try metric("vernemq_socket_open", in: request).serializedBytes()
        var expected: [UInt8] = [0x0A, 19] + Array("vernemq_socket_open".utf8)
        let help = MetricCatalog.full().families.first { $0.name == "socket_open" }?.help ?? ""
        expected += [0x12, UInt8(help.utf8.count)] + Array(help.utf8)
        expected += [0x1A, 8] + Array("{events}".utf8)
        // Field 7, a sum: one point of start, time and a fixed integer; cumulative; monotonic.
        expected += [0x3A, 33, 0x0A, 27]
        expected += [0x11, 0x00, 0x55, 0x52, 0x7F, 0x15, 0x9C, 0x97, 0x17]
        expected += [0x19, 0x80, 0xB2, 0x10, 0x45, 0xFE, 0x9C, 0x97, 0x17]
        expected += [0x31, 7, 0, 0, 0, 0, 0, 0, 0]
        expected += [0x10, 2, 0x18, 1]
        #expect(bytes == expected)
    }
}
