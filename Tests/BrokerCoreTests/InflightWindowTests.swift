import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore

private func entry(_ identifier: UInt16) -> InflightWindow.Entry {
    InflightWindow.Entry(
        packetIdentifier: identifier, state: .awaitingPuback, message: nil,
        terms: DeliveryTerms(qos: .atLeastOnce),
        sentAt: MonotonicTime(nanoseconds: 0))
}

@Suite struct InflightWindowTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `an identifier is never given twice, also where some are never acknowledged`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var window = InflightWindow()
        var inUse: [UInt16] = []
        let stuck = Set((0..<5).map { _ in UInt16(1 + random.below(65_535)) } + [5, 7, 65_535])
        for _ in 0..<200_000 {
            if inUse.count < 20, random.below(2) == 0, let identifier = window.nextIdentifier() {
                #expect(identifier != 0)
                let isFree = !inUse.contains(identifier)
                #expect(isFree, "\(identifier)")
                guard isFree else { return }
                window.append(entry(identifier))
                inUse.append(identifier)
            } else if let place = inUse.indices.first(where: {
                !stuck.contains(inUse[$0]) && random.below(3) > 0
            }) {
                let identifier = inUse.remove(at: place)
                guard let index = window.index(of: identifier) else {
                    Issue.record("\(identifier) is lost")
                    return
                }
                let removed = window.remove(at: index)
                #expect(removed.packetIdentifier == identifier)
            }
        }
        #expect(window.count == inUse.count)
        #expect(window.entries.map(\.packetIdentifier) == inUse)
    }

    @Test func `identifiers ascend and wrap from 65535 to 1 [MQTT-2.2.1-3]`() {
        var window = InflightWindow()
        for expected in 1...65_535 {
            guard let identifier = window.nextIdentifier(), identifier == expected else {
                Issue.record("not \(expected)")
                return
            }
            window.append(entry(identifier))
            window.remove(at: 0)
        }
        let first = window.nextIdentifier()
        #expect(first == 1)
    }

    @Test func `a full window has no identifier left, and finds the one that comes free`() {
        var window = InflightWindow()
        for _ in 1...65_535 { window.append(entry(window.nextIdentifier() ?? 0)) }
        let none = window.nextIdentifier()
        #expect(none == nil)
        #expect(window.index(of: 40_000) == 39_999)
        window.remove(at: 39_999)
        let free = window.nextIdentifier()
        #expect(free == 40_000)
    }

    @Test func `an entry is found wherever it stands`() {
        var window = InflightWindow()
        for _ in 0..<10 { window.append(entry(window.nextIdentifier() ?? 0)) }
        window.remove(at: 3)
        window.remove(at: 0)
        #expect((1...11).map { window.index(of: $0) } == [nil, 0, 1, nil, 2, 3, 4, 5, 6, 7, nil])
        let rest = window.removeAll()
        #expect(rest.count == 8)
        #expect(window.isEmpty && window.index(of: 2) == nil)
        let next = window.nextIdentifier()
        #expect(next == 11)
    }
}
