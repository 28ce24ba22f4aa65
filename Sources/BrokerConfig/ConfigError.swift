/// One thing that keeps the broker from starting: where it stands, what was found and what would be right.
///
///     vernemq.conf:42: max_inflight_messages: 70000 is outside 0...65535
package struct ConfigError: Error, Equatable, Sendable {
    /// What is wrong, as a closed choice.
    package enum Problem: Equatable, Sendable {
        case unreadableFile(reason: String)
        case notUTF8
        case syntax(expected: String, column: Int)
        /// A file that includes itself, directly or through others.
        case includeCycle
        case unknownKey
        case notOneOf
        case notInteger
        case malformedValue
        case outsideRange
        /// `$(name)` names neither a setting nor an environment variable.
        case missingSubstitution(name: String)
        /// Settings whose values name each other.
        case circularSubstitution(path: [String])
        /// A value that grows beyond reason by what it names, in bytes.
        case substitutionTooLong(limit: Int)
        /// Two listeners on one address.
        case addressTaken(by: String)
    }

    package let problem: Problem
    package let source: SettingSource
    /// Empty where the trouble is not with one setting.
    package let key: String
    /// As written; hidden where the setting is a secret.
    package let value: String
    /// What would be accepted; empty where that is no use.
    package let allowed: String
    /// The known keys nearest to an unknown one, at most three.
    package let nearest: [String]

    package init(
        _ problem: Problem, at source: SettingSource, key: String = "", value: String = "",
        allowed: String = "",
        nearest: [String] = []
    ) {
        self.problem = problem
        self.source = source
        self.key = key
        self.value = value
        self.allowed = allowed
        self.nearest = nearest
    }
}

extension ConfigError: CustomStringConvertible {
    package var description: String {
        let place = key.isEmpty ? source.description : "\(source): \(key)"
        switch problem {
        case .unreadableFile(let reason): return "\(place): cannot be read: \(reason)"
        case .notUTF8: return "\(place): is not UTF-8"
        case .syntax(let expected, let column): return "\(place): column \(column): expected \(expected)"
        case .includeCycle: return "\(place): includes \(value), which is being read already"
        case .unknownKey:
            let hint = nearest.isEmpty ? "" : "; did you mean \(nearest.joined(separator: ", "))?"
            return "\(place): unknown key (value \"\(value)\")\(hint)"
        case .notOneOf: return "\(place): \"\(value)\" is not one of \(allowed)"
        case .notInteger: return "\(place): \"\(value)\" is not an integer; allowed: \(allowed)"
        case .malformedValue: return "\(place): \"\(value)\" is not \(allowed)"
        case .outsideRange: return "\(place): \(value) is outside \(allowed)"
        case .missingSubstitution(let name):
            return "\(place): $(\(name)) is neither a setting with a value nor an environment variable"
        case .circularSubstitution(let path):
            return "\(place): values in a circle: \(path.joined(separator: " → "))"
        case .substitutionTooLong(let limit):
            return "\(place): the settings it names make it longer than \(limit) bytes"
        case .addressTaken(let other): return "\(place): \(value) is taken by \(other)"
        }
    }
}

/// Everything wrong with one configuration, in the order of the files.
package struct ConfigErrors: Error, Equatable, Sendable, CustomStringConvertible {
    package let errors: [ConfigError]

    /// One error a line.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// What an operator should know about a configuration that is accepted nevertheless.
package struct ConfigNote: Equatable, Sendable, CustomStringConvertible {
    package enum Level: String, Sendable { case warning, info }

    package let level: Level
    package let source: SettingSource
    package let key: String
    package let text: String

    /// Without the level: `vernemq.conf:7: plugins.vmq_acl: not implemented in this build`.
    package var description: String { "\(source): \(key): \(text)" }
}
