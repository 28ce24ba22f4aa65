import BrokerMetrics
package import Logging
import Primitives

/// How the `$SYS` tree is published.
package struct SysTreeSettings: Sendable, Equatable {
    package var isEnabled = false
    /// Milliseconds between two rounds; 0 = there are none.
    package var interval: UInt64 = 20_000
    package var qos: UInt8 = 0
    package var isRetained = false
    package var mountpoint = ""

    package init() {}
    var isOn: Bool { isEnabled && interval > 0 }
}

/// When the next messages of the `$SYS` tree go. A round begins each interval and is given in slices over a quarter of
/// it, so that hundreds of messages never come at once.
///
///     resting ─ its time has come → publishing ─ last slice → resting, until an interval after the round's beginning
struct SysTreeSchedule {
    /// After the start, so that subscribers of the start need not wait for a whole interval.
    static let firstPause: UInt64 = 1000
    static let sliceLength = 64

    private var rest: ArraySlice<SysMessage> = []
    private var roundBegan: MonotonicTime
    private var slicePause: UInt64 = 0
    /// When there is something to do.
    private(set) var next: MonotonicTime

    init(now: MonotonicTime) {
        roundBegan = now
        next = now.adding(milliseconds: Self.firstPause)
    }

    /// What goes now; empty before `next`.
    ///
    /// - Parameter messages: makes those of a new round.
    mutating func take(_ interval: UInt64, now: MonotonicTime, _ messages: () -> [SysMessage]) -> ArraySlice<
        SysMessage
    > {
        guard now >= next else { return [] }
        if rest.isEmpty {
            rest = messages()[...]
            roundBegan = now
            let slices = UInt64((rest.count + Self.sliceLength - 1) / Self.sliceLength)
            slicePause = interval / 4 / max(slices, 1)
        }
        let slice = rest.prefix(Self.sliceLength)
        rest = rest.dropFirst(Self.sliceLength)
        next =
            rest.isEmpty
            ? max(roundBegan.adding(milliseconds: interval), now.adding(milliseconds: slicePause))
            : now.adding(milliseconds: slicePause)
        return slice
    }
}

/// Publishes the metrics below `$SYS`, on a thread of its own, as the broker's own messages.
package final class SysTreePublisher: Sendable {
    private let source: MetricsSource
    private let orders: Orders<SysTreeSettings>
    private let publish: @Sendable (SysMessage, SysTreeSettings) -> Void
    private let log: Logger

    /// - Parameters:
    ///   - source: what is published.
    ///   - publish: gives a message to the broker; called on the publisher's thread.
    /// - Returns: nil when there is no descriptor to be had.
    package init?(
        _ source: MetricsSource, log: Logger = Logger(label: "systree"),
        _ publish: @escaping @Sendable (SysMessage, SysTreeSettings) -> Void
    ) {
        guard let orders = Orders<SysTreeSettings>() else { return nil }
        self.source = source
        self.orders = orders
        self.publish = publish
        self.log = log
    }

    /// Settings that are in force at once. The first that say that something is to be published start the thread.
    package func apply(_ settings: SysTreeSettings) {
        orders.change(to: settings)
        guard settings.isOn else { return }
        do throws(ThreadError) {
            try orders.begin(name: "systree") { [source, orders, publish] in
                Self.run(source, settings, orders, publish)
            }
        } catch {
            log.error(
                "nothing is published below $SYS: no thread for it",
                metadata: ["errno": .stringConvertible(error.errorNumber)])
        }
    }

    /// Ends it at once.
    package func stop() { orders.stop() }

    private static func run(
        _ source: MetricsSource, _ settings: SysTreeSettings, _ orders: Orders<SysTreeSettings>,
        _ publish: (SysMessage, SysTreeSettings) -> Void
    ) {
        let topics = SysTopics(source.registry.catalog, node: source.node)
        var settings = settings
        var schedule = SysTreeSchedule(now: source.clock.now)
        while true {
            let news = orders.take()
            if news.isStopped { return }
            if let changed = news.settings, changed != settings {
                settings = changed
                schedule = SysTreeSchedule(now: source.clock.now)
            }
            guard settings.isOn else {
                orders.wakeup.wait(until: .distantFuture, now: source.clock.now)
                continue
            }
            let slice = schedule.take(settings.interval, now: source.clock.now) {
                topics.messages(of: source.registry.snapshot())
            }
            for message in slice { publish(message, settings) }
            orders.wakeup.wait(until: schedule.next, now: source.clock.now)
        }
    }
}
