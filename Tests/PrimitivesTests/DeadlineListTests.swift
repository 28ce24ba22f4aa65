import Primitives
import Testing

private func time(_ milliseconds: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

@Suite struct DeadlineListTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a list holds what a sorted array holds, and gives out each element once`(_ seed: UInt64) {
        var state = seed
        func below(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var list = DeadlineList<Int>()
        var model: [(number: Int, deadline: UInt64, place: DeadlineList<Int>.Place)] = []
        var gone: [DeadlineList<Int>.Place] = []
        var now: UInt64 = 0
        for number in 0..<5000 {
            now += below(3)
            switch below(10) {
            case 0..<5: model.append((number, now + 50, list.append(number, deadline: time(now + 50))))
            case 5..<9 where !model.isEmpty:
                // The first and the last more often than chance has it: they are the list's ends.
                let index = [0, model.count - 1, Int(below(UInt64(model.count)))][Int(below(3))]
                let left = model.remove(at: index)
                let removed = list.remove(left.place)
                #expect(removed == left.number)
                gone.append(left.place)
            default:
                while let due = list.popFirst(dueAt: time(now)) {
                    let left = model.removeFirst()
                    #expect(due == left.number && left.deadline <= now)
                    gone.append(left.place)
                }
            }
            #expect(list.count == model.count)
            #expect(list.firstDeadline == model.first.map { time($0.deadline) })
            #expect(list.firstDeadline.map { $0 > time(now) } ?? true || model[0].deadline <= now)
        }
        for place in gone {
            let again = list.remove(place)
            #expect(again == nil)
        }
        for left in model {
            let due = list.popFirst(dueAt: .distantFuture)
            #expect(due == left.number)
        }
        #expect(list.count == 0 && list.firstDeadline == nil)
    }

    @Test func `an element is due at its deadline, not before`() {
        var list = DeadlineList<String>()
        _ = list.append("a", deadline: time(10))
        let early = list.popFirst(dueAt: time(9))
        let due = list.popFirst(dueAt: time(10))
        let again = list.popFirst(dueAt: time(11))
        #expect(early == nil && due == "a" && again == nil)
    }

    @Test func `an element that leaves is let go at once`() {
        final class Guest {}
        var list = DeadlineList<Guest>()
        weak var guest: Guest?
        let place: DeadlineList<Guest>.Place
        do {
            let made = Guest()
            guest = made
            place = list.append(made, deadline: time(1))
        }
        #expect(guest != nil)
        list.remove(place)
        #expect(guest == nil)
    }
}
