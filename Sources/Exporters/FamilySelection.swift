import BrokerConfig
import BrokerMetrics

/// Some of the families, as `/metrics?family=a&family=b` asks for.
package struct FamilySelection: Sendable {
    /// By the family's place in the catalogue.
    private let isSelected: [Bool]

    func contains(_ index: Int) -> Bool { index < isSelected.count && isSelected[index] }

    /// Why a selection was not understood; the text is for the person who asked.
    package struct Failure: Error, Hashable, Sendable {
        /// Whether the query has the right form, and only the metric is not there.
        package let isUnknownName: Bool
        /// A sentence.
        package let text: String
    }

    /// The most names that a query may have: more than there are metrics would ask for some twice.
    static let nameLimit = 1_000
    /// Names that are longer are not compared with others, and shown in part.
    private static let nameByteLimit = 200

    /// The families with these names, which may have the namespace or not, a histogram's `_bucket`, `_sum` and `_count`, and be as
    /// OpenMetrics has them.
    ///
    /// - Returns: nil when there are no names: all families are asked for.
    /// - Throws: `Failure` for a name that there is not, with those nearest to it.
    package static func make(_ names: [String?], of exposition: Exposition) throws(Failure)
        -> FamilySelection?
    {
        guard !names.isEmpty else { return nil }
        guard names.count <= nameLimit else {
            throw Failure(
                isUnknownName: false,
                text: "The query asks for \(names.count) metrics; at most \(nameLimit) can be asked for.")
        }
        var places: [String: Int] = [:]
        for (index, family) in exposition.families.enumerated() {
            places[family.metric.name] = index
            places[family.name] = index
            if places[family.openMetricsName] == nil { places[family.openMetricsName] = index }
            guard family.metric.kind == .histogram else { continue }
            for suffix in ["_bucket", "_sum", "_count"] {
                places[family.metric.name + suffix] = index
                places[family.name + suffix] = index
            }
        }
        var isSelected = [Bool](repeating: false, count: exposition.families.count)
        for name in names {
            guard let name, !name.isEmpty else {
                throw Failure(
                    isUnknownName: false,
                    text:
                        "family= and collect[]= take the name of a metric; /metrics/catalog.json has them all."
                )
            }
            guard let place = places[name] else { throw unknown(name, exposition) }
            isSelected[place] = true
        }
        return FamilySelection(isSelected: isSelected)
    }

    private static func unknown(_ name: String, _ exposition: Exposition) -> Failure {
        var text = "There is no metric \"\(ShownText.value(name))\""
        if name.utf8.count <= nameByteLimit {
            let hasNamespace = !exposition.namespace.isEmpty && name.hasPrefix(exposition.namespace)
            var nearest = NearestKeys(
                among: exposition.families.map { hasNamespace ? $0.name : $0.metric.name })
            let names = nearest.of(name)
            if !names.isEmpty { text += "; the nearest: \(names.joined(separator: ", "))" }
        }
        return Failure(isUnknownName: true, text: text + ". /metrics/catalog.json has them all.")
    }
}
