import Primitives
import Testing

private struct Random {
    var state: UInt64
    mutating func below(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }
}

private func time(_ milliseconds: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

@Suite struct TimerWheelTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `each entry fires once, never early and at most a tick late`(_ seed: UInt64) {
        var random = Random(state: seed)
        let start: UInt64 = 1_000_003
        var wheel = TimerWheel<Int>(start: time(start), tickMilliseconds: 50, slotCount: 16)
        var waiting: [Int: UInt64] = [:]
        var now = start
        var number = 0
        for _ in 0..<2000 {
            for _ in 0..<random.below(4) {
                // Also in the past, and beyond one turn of the wheel (800 ms).
                let deadline = now + random.below(3000) - min(now, random.below(100))
                wheel.add(number, at: time(deadline))
                waiting[number] = deadline
                number += 1
            }
            now += random.below(20) == 0 ? random.below(5000) : random.below(120)
            var due: ContiguousArray<Int> = []
            let isMore = wheel.advance(to: time(now), limit: .max, into: &due)
            #expect(!isMore)
            for token in due {
                guard let deadline = waiting.removeValue(forKey: token) else {
                    Issue.record("\(token) fired twice")
                    continue
                }
                #expect(deadline <= now)
            }
            #expect(waiting.values.allSatisfy { $0 + 50 > now - now % 50 })
            #expect(wheel.count == waiting.count)
        }
    }

    @Test func `a limit splits what is due, and nothing is lost`() {
        var wheel = TimerWheel<Int>(start: time(0), slotCount: 16)
        for number in 0..<1000 { wheel.add(number, at: time(UInt64(number))) }
        var due: ContiguousArray<Int> = []
        var turns = 1
        while wheel.advance(to: time(2000), limit: 30, into: &due) {
            turns += 1
            #expect(due.count == (turns - 1) * 30)
        }
        #expect(due.sorted() == Array(0..<1000))
        #expect(turns == 34)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `sleeping until the next entry never sleeps through one`(_ seed: UInt64) {
        var random = Random(state: seed)
        var wheel = TimerWheel<Int>(start: time(0), tickMilliseconds: 50, slotCount: 16)
        var now = time(0)
        var fired = 0
        for number in 0..<300 {
            let deadline = now.adding(milliseconds: random.below(4000))
            wheel.add(number, at: deadline)
            var due: ContiguousArray<Int> = []
            var naps = 0
            while due.isEmpty, let nap = wheel.nanosecondsUntilNext(from: now, limit: 700_000_000) {
                now = MonotonicTime(nanoseconds: now.nanoseconds + nap)
                _ = wheel.advance(to: now, limit: .max, into: &due)
                naps += 1
                guard naps < 20 else {
                    Issue.record("awake without work")
                    return
                }
            }
            fired += due.count
            #expect(now < deadline.adding(milliseconds: 51))
        }
        #expect(fired == 300)
        let nothing = wheel.nanosecondsUntilNext(from: now, limit: 1)
        #expect(nothing == nil)
    }

    @Test func `a deadline beyond all time waits for ever`() {
        var wheel = TimerWheel<Int>(start: time(5), slotCount: 16)
        wheel.add(1, at: .distantFuture)
        var due: ContiguousArray<Int> = []
        let isMore = wheel.advance(to: time(1 << 40), limit: 10, into: &due)
        #expect(!isMore)
        #expect(due.isEmpty && wheel.count == 1)
    }

    @Test func `pruning drops what is stale and nothing else, in as many calls as the entries ask for`() {
        var wheel = TimerWheel<Int>(start: time(0), tickMilliseconds: 50, slotCount: 16)
        // Two thirds of them beyond one turn of the wheel.
        for number in 0..<1200 { wheel.add(number, at: time(UInt64(number) * 2)) }
        var calls = 1
        while !wheel.prune(entryLimit: 300, where: { $0 % 3 != 0 }) { calls += 1 }
        #expect(calls == 4)
        #expect(wheel.count == 400)
        var due: ContiguousArray<Int> = []
        _ = wheel.advance(to: time(3000), limit: .max, into: &due)
        #expect(due.sorted() == Array(stride(from: 0, to: 1200, by: 3)))
    }

    @Test func `an empty wheel is pruned in one call`() {
        var wheel = TimerWheel<Int>(start: time(0), slotCount: 16)
        let isRound = wheel.prune(entryLimit: 1) { _ in true }
        #expect(isRound)
    }
}
