/// One key that a configuration may contain: what it accepts, what it means and what this build does with it.
package struct Setting: Sendable {
    /// Where a key comes from.
    package enum Origin: String, Sendable {
        case vernemq1 = "VerneMQ 1.x"
        case vernemq2 = "VerneMQ 2.x"
        /// Not VerneMQ's.
        case ours = "this broker"
        /// VerneMQ 1.x knew it, 2.x does not.
        case removed = "VerneMQ 1.x, removed in 2.x"
    }

    /// What this build does with a value.
    package enum Status: Equatable, Sendable {
        /// The broker does what the setting says.
        case implemented
        /// Checked, but this build does not have it.
        case notYet(Absence)
        /// Means nothing in this broker, and why.
        case ignored(String)

        /// The status of a setting that protects something and that this build does not have.
        package static func notYet(protects protection: Protection) -> Status {
            .notYet(.protects(protection))
        }
    }

    /// What it means to an operator that this build does not have what a setting asks for.
    package enum Absence: Equatable, Sendable {
        /// The broker would be more open than was written: it does not start.
        case protects(Protection)
        /// The broker would do something else than was asked: a warning.
        case changes
        /// Nothing that this build has would be different: a note.
        case harmless
    }

    /// What the number of an integer counts.
    package enum Unit: String, Sendable {
        case none = ""
        case milliseconds = "ms"
        case seconds = "s"
        case bytes = "bytes"
    }

    /// Properties that most settings do not have.
    package struct Traits: OptionSet, Sendable {
        /// One bit for each trait.
        package let rawValue: Int
        /// Traits from their bits.
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Not in a sample configuration.
        package static let hidden = Traits(rawValue: 1)
        /// May change while the broker runs.
        package static let runtime = Traits(rawValue: 2)
        /// New in VerneMQ 2.x.
        package static let new = Traits(rawValue: 4)
        /// Not VerneMQ's, but of this broker.
        package static let ours = Traits(rawValue: 8)
        /// VerneMQ 1.x knew it, 2.x does not.
        package static let removed = Traits(rawValue: 16)
        /// Never shown or logged.
        package static let secret = Traits(rawValue: 32)
        /// Its number counts milliseconds.
        package static let milliseconds = Traits(rawValue: 64)
        /// Its number counts seconds.
        package static let seconds = Traits(rawValue: 128)
        /// Its number counts bytes.
        package static let bytes = Traits(rawValue: 256)
        /// Switches a whole part of the broker on, or names what it works with, so it asks for something even where it
        /// is the default; `off` never does.
        static let mainSwitch = Traits(rawValue: 512)
    }

    /// The key; a word that begins with `$` stands for any word.
    package let pattern: String
    /// What values it accepts.
    package let type: SettingType
    /// As it would be written; `nil` when there is none.
    package let defaultValue: String?
    /// The properties that it has and most settings do not have.
    package let traits: Traits
    /// What this build does with it.
    package var status: Status
    /// One line.
    package let meaning: String
    /// The key that this one is another name of, mostly an old one.
    package var newName: String?
    /// Values that ask for nothing beside the default.
    private let harmless: [String]
    /// The flag that switches off what this setting is a part of.
    package let mainSwitch: String?

    init(
        _ pattern: String, _ type: SettingType, _ defaultValue: String?, _ traits: Traits = [],
        status: Status = .implemented, meaning: String, newName: String? = nil, harmless: [String] = [],
        mainSwitch: String? = nil
    ) {
        self.pattern = pattern
        self.type = type
        self.defaultValue = defaultValue
        self.traits = traits
        self.status = status
        self.meaning = meaning
        self.newName = newName
        self.harmless = harmless
        self.mainSwitch = mainSwitch
    }

    /// Whether `value` asks for something beyond the default, so that it matters that this build does not have it.
    package func asksForSomething(_ value: String) -> Bool {
        if harmless.contains(value) { return false }
        // A listener that is written is wanted, on whatever address.
        if case .address = type { return true }
        if traits.contains(.mainSwitch) { return value != "off" }
        // What is off is off, unless on is what everybody has.
        if type == .flag, value == "off" { return defaultValue == "on" }
        return value != defaultValue
    }

    /// Whether sample configurations leave it out.
    package var isHidden: Bool { traits.contains(.hidden) }
    /// Whether it may change while VerneMQ runs.
    package var isRuntime: Bool { traits.contains(.runtime) }
    /// Whether it may change while this broker runs.
    package var changesAtOnce: Bool { isRuntime && status == .implemented }
    /// Whether its value is hidden wherever settings are shown.
    package var isSecret: Bool { traits.contains(.secret) }
    /// A word of the key is free.
    package var isPattern: Bool { pattern.contains("$") }

    /// Where the key comes from, by `traits`.
    package var origin: Origin {
        if traits.contains(.ours) { return .ours }
        if traits.contains(.removed) { return .removed }
        return traits.contains(.new) ? .vernemq2 : .vernemq1
    }

    /// What its number counts, by `traits`; `.none` where it is no number or just a count.
    package var unit: Unit {
        if traits.contains(.milliseconds) { return .milliseconds }
        if traits.contains(.seconds) { return .seconds }
        return traits.contains(.bytes) ? .bytes : .none
    }
}

/// Settings that belong together, under a heading.
package struct SettingGroup: Sendable {
    /// The heading in docs/configuration.md.
    package let title: String
    /// The settings in the order in which the documentation lists them.
    package let settings: [Setting]

    /// - Parameter status: of every setting in it that says nothing else.
    init(_ title: String, status: Setting.Status? = nil, _ settings: [Setting]) {
        self.title = title
        self.settings = settings.map { setting in
            var setting = setting
            if let status, setting.status == .implemented { setting.status = status }
            return setting
        }
    }
}

extension SettingType {
    /// Any integer.
    static let anyInteger = SettingType.integer(Int.min...Int.max)
    /// 0 or more.
    static let count = SettingType.integer(0...Int.max)
    /// 0 or more, small enough to be multiplied into nanoseconds.
    static let time = SettingType.integer(0...Int(Int32.max))
    static let port = SettingType.integer(1...65535)
}
