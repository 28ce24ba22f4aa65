/// One thing that keeps the broker from starting: where it stands, what was found and what would be right.
///
///     vernemq.conf:42: max_inflight_messages: 70000 is outside 0...65535
package struct ConfigError: Error, Hashable, Sendable {
    /// What is wrong, as a closed choice.
    package enum Problem: Hashable, Sendable {
        /// A file that cannot be opened or read, or that is too large. `reason` completes "cannot be read:".
        case unreadableFile(reason: String)
        /// Text that is not UTF-8, in a file, a variable or an argument.
        case notUTF8
        /// A line that is no setting, comment or include. `column` counts bytes from 1.
        case syntax(expected: String, column: Int)
        /// A file that includes itself, directly or through others.
        case includeCycle
        /// Files that lie in each other too deep.
        case includeTooDeep(limit: Int)
        /// More files, each counted as often as it is included.
        case tooManyFiles(limit: Int)
        /// More settings in all files together. What follows is not read.
        case tooManySettings(limit: Int)
        /// Bytes.
        case keyTooLong(limit: Int)
        /// No setting of the table has this key; `nearest` says what may have been meant.
        case unknownKey
        /// The value is not one of the words that the setting accepts.
        case notOneOf
        /// The value is no decimal number, and none of the words that the setting accepts beside numbers.
        case notInteger
        /// The value does not have the form that the setting asks for, such as an address or a duration.
        case malformedValue
        /// The value is a number that the setting does not accept.
        case outsideRange
        /// `$(name)` names neither a setting nor an environment variable.
        case missingSubstitution(name: String)
        /// Settings whose values name each other.
        case circularSubstitution(path: [String])
        /// A value that grows beyond reason by what it names, in bytes.
        case substitutionTooLong(limit: Int)
        /// All values together, in bytes.
        case substitutionsTooLong(limit: Int)
        /// Values that lie in each other too deep.
        case substitutionTooDeep(limit: Int)
        /// A text with a control character other than a tab.
        case controlCharacter
        /// Two listeners on one address.
        case addressTaken(by: String)
        /// It protects something, and this build does not have it.
        case notProtected(decides: String, feature: String)
        /// Another setting asks for it. Why, and what to write.
        case needsSetting(why: String, write: String)
        /// Why no client could connect, and what to write.
        case nobodyCanConnect(why: String, write: String)
    }

    /// What is wrong.
    package let problem: Problem
    /// Where the setting or the file was written.
    package let source: SettingSource
    /// Empty where the trouble is not with one setting.
    package let key: String
    /// As written; hidden where the setting is a secret.
    package var value: String
    /// What would be accepted; empty where that is no use.
    package let allowed: String
    /// The known keys nearest to an unknown one, at most three.
    package var nearest: [String]

    /// An error of `problem`; what is left out is empty.
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
        let place = key.isEmpty ? source.description : "\(source): \(ShownText.key(key))"
        let value = ShownText.value(value)
        switch problem {
        case .unreadableFile(let reason): return "\(place): cannot be read: \(reason)"
        case .notUTF8: return "\(place): is not UTF-8"
        case .syntax(let expected, let column): return "\(place): column \(column): expected \(expected)"
        case .includeCycle: return "\(place): includes \(value), which is being read already"
        case .includeTooDeep(let limit): return "\(place): lies in \(limit) other files, which is too deep"
        case .tooManyFiles(let limit): return "\(place): more than \(limit) files are read"
        case .tooManySettings(let limit):
            return "\(place): more than \(limit) settings; what follows is not read"
        case .keyTooLong(let limit): return "\(place): the key is longer than \(limit) bytes"
        case .unknownKey:
            let hint = nearest.isEmpty ? "" : "; did you mean \(nearest.joined(separator: ", "))?"
            return "\(place): unknown key (value \"\(value)\")\(hint)"
        case .notOneOf: return "\(place): \"\(value)\" is not one of \(allowed)"
        case .notInteger: return "\(place): \"\(value)\" is not an integer; allowed: \(allowed)"
        case .malformedValue: return "\(place): \"\(value)\" is not \(allowed)"
        case .outsideRange: return "\(place): \(value) is outside \(allowed)"
        case .missingSubstitution(let name):
            return
                "\(place): $(\(ShownText.value(name))) is neither a setting with a value nor an environment variable"
        case .circularSubstitution(let path):
            return "\(place): values in a circle: \(path.map(ShownText.value).joined(separator: " → "))"
        case .substitutionTooLong(let limit):
            return "\(place): the settings it names make it longer than \(limit) bytes"
        case .substitutionsTooLong(let limit):
            return "\(place): the settings that name others come to more than \(limit) bytes together"
        case .substitutionTooDeep(let limit):
            return "\(place): it names a setting that names another, and so on, more than \(limit) deep"
        case .controlCharacter:
            return "\(place): \"\(value)\" has a control character; allowed: \(allowed)"
        case .notProtected(let decides, let feature):
            return "\(place): it decides \(decides), and this build has no \(feature); "
                + "\(source.removal) if the broker may run without"
        case .nobodyCanConnect(let why, let write):
            return "\(place): nobody can connect: \(why); write \(write)"
        case .needsSetting(let why, let write): return "\(place): not set: \(why); write \(write)"
        case .addressTaken(let other): return "\(place): \(value) is taken by \(other)"
        }
    }
}

extension ConfigError {
    /// Each value is good in itself; only a broker must not run with it.
    package var concernsTheStartAlone: Bool {
        switch problem {
        case .notProtected, .nobodyCanConnect: true
        default: false
        }
    }
}

/// Everything wrong with one configuration: the first of it in the order of the files, and how much more there is.
package struct ConfigErrors: Error, Equatable, Sendable, CustomStringConvertible {
    /// The errors that are shown, in the order of the files.
    package let errors: [ConfigError]
    /// Those that are not listed.
    package let omitted: Int

    /// The errors that are shown, and how many more there are.
    package init(errors: [ConfigError], omitted: Int = 0) {
        self.errors = errors
        self.omitted = omitted
    }

    /// All errors, those that are not listed included.
    package var count: Int { errors.count + omitted }

    /// One error a line.
    package var description: String {
        (errors.map(\.description) + (omitted > 0 ? ["and \(omitted) more errors"] : [])).joined(
            separator: "\n")
    }
}

/// What an operator should know about a configuration that is accepted nevertheless.
package struct ConfigNote: Hashable, Sendable, CustomStringConvertible {
    /// How much a note matters: a `warning` tells of something that the operator may not want, an `info` of
    /// something that does no harm.
    package enum Level: String, Sendable { case warning, info }

    /// How much it matters.
    package let level: Level
    /// Where the setting was written.
    package let source: SettingSource
    /// The full key of the setting, or the name of the environment variable.
    package let key: String
    /// What there is to know, as the end of a line that begins with source and key.
    package let text: String

    /// Without the level: `vernemq.conf:7: loops: 257 is outside 0...256`.
    package var description: String { "\(source): \(ShownText.key(key)): \(text)" }
}
