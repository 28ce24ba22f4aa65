import MQTTCodec
import Primitives
import TestSupport
import Testing

@testable import BrokerCore

private let sample = makeMessage()

private func makeMessage() -> ApplicationMessage {
    let (topic, nothing) = ([UInt8(ascii: "t")], [UInt8]())
    return ApplicationMessage(
        facts: MessageFacts(qos: .atLeastOnce, isRetained: false, mountpoint: .default, publisher: nil),
        topic: topic.span.bytes, properties: nothing.span.bytes, payload: nothing.span.bytes)
}

private func entry(_ identifier: UInt16, number: UInt64 = 0) -> InflightWindow.Entry {
    InflightWindow.Entry(
        packetIdentifier: identifier, state: .awaitingPuback, terms: DeliveryTerms(qos: .atLeastOnce),
        sentAt: MonotonicTime(nanoseconds: 0), ticket: StoreTicket(number: number, loop: 0))
}

extension InflightWindow {
    @discardableResult
    fileprivate mutating func append(_ entry: Entry) -> Place { append(entry, sample) }
}

/// What `InflightWindow` does, without any of its shortcuts.
private struct Model {
    struct Entry {
        var identifier: UInt16
        var isSent: Bool
        var isRelease = false
        var holdsPlace: Bool
    }
    var entries: [Entry] = []
    var last: UInt16 = 0

    func isInUse(_ identifier: UInt16) -> Bool { entries.contains { $0.identifier == identifier } }

    mutating func next() -> UInt16 {
        repeat { last = last == .max ? 1 : last + 1 } while isInUse(last)
        return last
    }

    var placesTaken: Int { entries.count { $0.isSent && $0.holdsPlace } }
    var unsent: [Entry] { entries.filter { !$0.isSent } }
}

@Suite struct InflightWindowTests {
    /// - Parameter width: how many entries there are most of the time: below and above what is walked.
    @Test(arguments: [3, 20, 60, 70, 400, 3000], [1, 2] as [UInt64])
    func `whatever happens, it holds what a plain list holds`(_ width: Int, _ seed: UInt64) {
        var random = SeededGenerator(seed: seed &* 100 &+ UInt64(width))
        var window = InflightWindow()
        var model = Model()
        // So that the identifiers come round to those in use.
        model.last = UInt16(65_535 - width)
        _ = window.claim(model.last)
        let place = window.append(entry(model.last))
        _ = window.remove(at: place)
        for step in 0..<8000 {
            switch random.below(100) {
            case 0..<48 where model.entries.count < 2 * width && model.unsent.isEmpty:
                let expected = model.next()
                let identifier = window.nextIdentifier()
                guard identifier == expected else {
                    Issue.record("\(step): \(String(describing: identifier)) in place of \(expected)")
                    return
                }
                window.append(entry(expected))
                model.entries.append(Model.Entry(identifier: expected, isSent: true, holdsPlace: true))
            case 48..<52 where model.unsent.isEmpty:
                let chosen = UInt16(1 + random.below(65_535))
                let isFree = window.claim(chosen, goesOn: false)
                #expect(isFree == !model.isInUse(chosen))
                if isFree {
                    window.append(entry(chosen))
                    model.entries.append(Model.Entry(identifier: chosen, isSent: true, holdsPlace: true))
                    // What is given next is the window's affair: it may go on from there, or from where it was.
                    guard let next = window.nextIdentifier() else { return }
                    #expect(!model.isInUse(next))
                    window.append(entry(next))
                    model.entries.append(Model.Entry(identifier: next, isSent: true, holdsPlace: true))
                    model.last = next
                }
            case 52..<56:
                let unknown = UInt16(1 + random.below(65_535))
                let found = window.find(unknown) != nil
                #expect(found == model.isInUse(unknown))
            case 56..<58:
                window.beginConnection()
                for index in model.entries.indices { model.entries[index].isSent = false }
            case 58..<75:
                // Sent again, as `Session.resume` does it.
                if let place = window.nextUnsent() {
                    let index = model.entries.firstIndex { !$0.isSent }
                    guard let index, window[place].packetIdentifier == model.entries[index].identifier else {
                        Issue.record("\(step): another is the next to be sent")
                        return
                    }
                    let holds = !model.entries[index].isRelease
                    window.markSent(place, holdsPlace: holds)
                    model.entries[index].isSent = true
                    model.entries[index].holdsPlace = holds
                } else {
                    #expect(model.unsent.isEmpty)
                }
            case 75..<78:
                if let place = window.nextUnsentRelease() {
                    let index = model.entries.firstIndex { !$0.isSent && $0.isRelease }
                    guard let index, window[place].packetIdentifier == model.entries[index].identifier else {
                        Issue.record("\(step): another PUBREL is the next to be sent")
                        return
                    }
                    window.markSent(place, holdsPlace: false)
                    model.entries[index].isSent = true
                    model.entries[index].holdsPlace = false
                } else {
                    #expect(model.unsent.allSatisfy { !$0.isRelease })
                }
            case _ where !model.entries.isEmpty:
                // Mostly the oldest, as clients answer.
                let index = random.below(3) > 0 ? 0 : random.below(model.entries.count)
                guard let place = window.find(model.entries[index].identifier) else {
                    Issue.record("\(step): \(model.entries[index].identifier) is lost")
                    return
                }
                if random.below(4) == 0, model.entries[index].isSent {
                    window.forgetMessage(at: place)
                    model.entries[index].isRelease = true
                } else {
                    let removed = window.remove(at: place)
                    #expect(removed.entry.packetIdentifier == model.entries[index].identifier)
                    #expect((removed.message == nil) == model.entries[index].isRelease)
                    model.entries.remove(at: index)
                }
            default: break
            }
            #expect(window.count == model.entries.count)
            #expect(window.unsentCount == model.unsent.count)
            #expect(window.placesTaken == model.placesTaken)
        }
        var left: [UInt16] = []
        while let removed = window.popFirst() { left.append(removed.entry.packetIdentifier) }
        #expect(left == model.entries.map(\.identifier))
        #expect(window.byteCount == 0)
    }

    @Test func `a message is held as long as it is under way, and no longer`() {
        struct Watch {
            weak var message: ApplicationMessage.Storage?
        }
        var watches: [Watch] = []
        do {
            var window = InflightWindow()
            for _ in 0..<200 {
                let message = makeMessage()
                watches.append(Watch(message: message.storage))
                window.append(entry(window.nextIdentifier() ?? 0), message)
            }
            #expect(watches.allSatisfy { $0.message != nil })
            // Every second one goes, so that gaps are closed; a third of those left is received.
            for identifier in stride(from: 2, through: 200, by: 2) as StrideThrough<UInt16> {
                if let place = window.find(identifier) { _ = window.remove(at: place) }
            }
            for identifier in stride(from: 1, through: 199, by: 6) as StrideThrough<UInt16> {
                if let place = window.find(identifier) { window.forgetMessage(at: place) }
            }
            let held = watches.indices.filter { watches[$0].message != nil }
            #expect(held == (0..<200).filter { $0 % 2 == 0 && $0 % 6 != 0 })
            #expect(window.byteCount == held.count * sample.byteCount)
            let first = window.popFirst()
            let second = window.popFirst()
            #expect(
                first?.message == nil && second?.message != nil
                    && second?.message?.storage === watches[2].message)
        }
        #expect(watches.allSatisfy { $0.message == nil })
    }

    @Test func `identifiers ascend and wrap from 65535 to 1 [MQTT-2.2.1-3]`() {
        var window = InflightWindow()
        for expected in 1...65_535 {
            guard let identifier = window.nextIdentifier(), identifier == expected else {
                Issue.record("not \(expected)")
                return
            }
            let place = window.append(entry(identifier))
            _ = window.remove(at: place)
        }
        let first = window.nextIdentifier()
        #expect(first == 1)
    }

    @Test func `a full window has no identifier left, and finds the one that comes free`() {
        var window = InflightWindow()
        for _ in 1...65_535 { window.append(entry(window.nextIdentifier() ?? 0)) }
        let none = window.nextIdentifier()
        #expect(none == nil)
        let isFree = window.claim(40_000)
        #expect(!isFree)
        guard let place = window.find(40_000) else {
            Issue.record("40,000 is lost")
            return
        }
        _ = window.remove(at: place)
        let free = window.nextIdentifier()
        #expect(free == 40_000)
    }

    // MARK: Work

    enum Order: CaseIterable {
        case secondThenItsSuccessors, fromTheBack, everySecond, random, unknown, theSame

        func identifier(_ round: Int, _ width: Int, _ random: inout SeededGenerator) -> Int {
            switch self {
            case .secondThenItsSuccessors: 2 + round % (width - 1)
            case .fromTheBack: width - round % width
            case .everySecond: 1 + round * 2 % width
            case .random: 1 + random.below(width)
            case .unknown: width + 1 + round % 400
            case .theSame: 2
            }
        }
    }

    /// Work for `width` answers while so many messages are under way.
    private func steps(_ width: Int, _ order: Order) -> Int {
        var random = SeededGenerator(seed: 7)
        var window = InflightWindow()
        for _ in 0..<width { window.append(entry(window.nextIdentifier() ?? 0)) }
        let before = window.steps
        for round in 0..<width {
            let identifier = UInt16(truncatingIfNeeded: order.identifier(round, width, &random))
            if let place = window.find(identifier) { _ = window.remove(at: place) }
            if window.count < width, let next = window.nextIdentifier() { window.append(entry(next)) }
        }
        return window.steps - before
    }

    @Test func `with all 65,535 under way each answer takes constant work, whichever it is for`() {
        for order in Order.allCases {
            let small = steps(4000, order)
            let large = steps(64_000, order)
            // A walk for each answer would be thousands of steps.
            #expect(small <= 8 * 4000, "\(order)")
            #expect(large <= 8 * 64_000, "\(order)")
        }
    }

    @Test func `the identifier that is free is found at once in a window that is full but for it`() {
        var window = InflightWindow()
        for _ in 1...65_535 { window.append(entry(window.nextIdentifier() ?? 0)) }
        let before = window.steps
        for identifier in 2...60_000 as ClosedRange<UInt16> {
            if let place = window.find(identifier) { _ = window.remove(at: place) }
            guard let next = window.nextIdentifier(), next == identifier else {
                Issue.record("\(identifier) is free")
                return
            }
            window.append(entry(next))
        }
        // The table is made once, and gaps are closed each 65,535 answers.
        #expect(window.steps - before < 40 * 60_000)
    }

    @Test func `an answer in the order of sending is found without a look at others`() {
        var window = InflightWindow()
        for _ in 0..<1000 { window.append(entry(window.nextIdentifier() ?? 0)) }
        for identifier in 1...50_000 as ClosedRange<UInt16> {
            guard let place = window.find(identifier) else {
                Issue.record("\(identifier) is lost")
                return
            }
            _ = window.remove(at: place)
            window.append(entry(window.nextIdentifier() ?? 0))
        }
        #expect(window.steps == 0)
    }

    @Test func `numbers from the lowest that matters on, and none when all are lower`() {
        var window = InflightWindow()
        for number in [4, 10, 6, 12, 8] as [UInt64] {
            window.append(entry(window.nextIdentifier() ?? 0, number: number))
        }
        #expect(window.numbers(from: 8) == [10, 12, 8])
        #expect(window.numbers(from: 13).isEmpty)
    }
}
