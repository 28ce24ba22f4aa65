/// The one table of every exported name. `/metrics`, `metrics show`, Graphite, `$SYS` and `docs/metrics.md`
/// read it; call sites use the enum cases of `Metric.swift` or the families of a room, never a string.
///
/// The rows stand in this order, those of the core before those of the rooms (`MetricRoom`) in each part:
/// VerneMQ's counters · VerneMQ's gauges · VerneMQ's runtime names · our own.
public struct MetricCatalog: Sendable {
    /// Every family, in the order of the exposition.
    public let families: [MetricFamily]
    /// Who brings families beside the core, whether they run or not.
    public let rooms: [MetricRoom]
    /// How many event loops there are.
    public let loopCount: Int

    /// VerneMQ has one busy gauge for each scheduler; its stock dashboards ask for the first four.
    public static let schedulerNames = 4
    /// Who declares what the loops count.
    private static let coreName = "the core"

    /// - Parameters:
    ///   - rooms: all that the broker may run; what they have in common ends its start.
    ///   - loopCount: with up to four loops the rows are the same, and those are what documents show.
    /// - Throws: `MetricConflict` when two declare the same, or one what no exposition can show.
    public init(rooms: [MetricRoom], loopCount: Int = schedulerNames) throws(MetricConflict) {
        let all = [MetricRoom(Self.coreName, Self.coreFamilies(loopCount)), RegistryMetrics.room] + rooms
        try Self.check(all)
        self.init(checked: rooms, loopCount: loopCount)
    }

    /// What the core has without any room, for a broker of which only the core is there.
    public static func core(loopCount: Int = schedulerNames) -> MetricCatalog {
        MetricCatalog(checked: [], loopCount: loopCount)
    }

    private init(checked rooms: [MetricRoom], loopCount: Int) {
        self.rooms = [RegistryMetrics.room] + rooms
        self.loopCount = loopCount
        let all = Self.coreFamilies(loopCount) + self.rooms.flatMap(\.families)
        families = MetricHeritage.allCases.flatMap { heritage in all.filter { $0.heritage == heritage } }
    }

    /// The family with this name.
    public subscript(name: String) -> MetricFamily? { families.first { $0.name == name } }

    private static func coreFamilies(_ loopCount: Int) -> [MetricFamily] {
        verneMQCounters + verneMQGauges + schedulers(max(loopCount, schedulerNames)) + runtime
            + ledger + flow + latency + loops + store + service
    }

    /// Busy share of each loop, under the names of VerneMQ's schedulers.
    private static func schedulers(_ count: Int) -> [MetricFamily] {
        (0..<count).map { index in
            .single(
                "system_utilization_scheduler_\(index + 1)", .gauge, .percent, .verneMQRuntime,
                .loopUtilization(index),
                help:
                    "Busy share of event loop \(index) since the reading before; 0 when there is no such loop."
            )
        }
    }
}

/// What has to hold before the broker starts.
extension MetricCatalog {
    /// Labels that every line, or every bucket, has already.
    private static let reservedLabels = ["node", "le"]

    private static func check(_ rooms: [MetricRoom]) throws(MetricConflict) {
        var names = Set<String>()
        for room in rooms where !names.insert(room.name).inserted { throw .roomTwice(room.name) }
        var owners: [String: String] = [:]
        var exposed: [String: (family: String, room: String)] = [:]
        for room in rooms {
            for family in room.families {
                guard isName(family.name) else { throw .badName(family.name, of: room.name) }
                if let first = owners.updateValue(room.name, forKey: family.name) {
                    throw .claimedTwice(family.name, by: first, and: room.name)
                }
                for name in exposedNames(family) {
                    if let other = exposed.updateValue((family.name, room.name), forKey: name) {
                        throw .clash(family.name, of: room.name, with: other.family, of: other.room)
                    }
                }
                try checkLabels(family, room.name)
            }
        }
    }

    private static func checkLabels(_ family: MetricFamily, _ room: String) throws(MetricConflict) {
        var seen = Set<String>()
        for label in family.labelNames {
            if !isName(label) {
                throw .badLabel(
                    label, of: family.name, in: room,
                    "a name has lower-case letters, digits and _, and begins with a letter")
            }
            if reservedLabels.contains(label) {
                throw .badLabel(label, of: family.name, in: room, "every line has it already")
            }
            if !seen.insert(label).inserted {
                throw .badLabel(label, of: family.name, in: room, "it is there twice")
            }
        }
        for label in family.roomSource?.labels ?? [] {
            guard let allowed = label.allowed else { continue }
            if allowed.isEmpty || Set(allowed).count != allowed.count {
                throw .badLabel(
                    label.name, of: family.name, in: room, "its values are none, or one is there twice")
            }
        }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first) else { return false }
        return text.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
        }
    }

    /// The names that a family takes in any format: OpenMetrics calls a counter by its name without `_total`, and a histogram
    /// has lines of four names.
    private static func exposedNames(_ family: MetricFamily) -> [String] {
        let suffix = "_total"
        switch family.kind {
        case .counter where family.name.hasSuffix(suffix):
            let stem = family.name.dropLast(suffix.count)
            return [String(stem), family.name, "\(stem)_created"]
        case .histogram: return ["", "_bucket", "_count", "_sum", "_created"].map { family.name + $0 }
        case .counter, .gauge: return [family.name]
        }
    }
}
