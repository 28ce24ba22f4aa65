/// All that reading a configuration came to: what is in force, what is wrong and what is worth knowing.
package struct ConfigReport: Sendable {
    /// The values that are good. Those that are not have their defaults.
    package let config: EffectiveConfig
    /// The first in the order of the files.
    package let errors: ConfigErrors
    /// The first in the order of the files.
    package let notes: [ConfigNote]
    /// Notes that are not listed, by level.
    package let omittedNotes: [ConfigNote.Level: Int]
    /// What reading it cost, for tests: these grow with the size of a configuration and not faster.
    let work: Work

    struct Work: Sendable {
        /// Steps of searches for what an unknown key may have meant.
        let nearestSteps: Int
        /// `$(name)` that were looked up.
        let substitutionLookUps: Int
    }

    /// Whether a broker starts with it.
    package var canStart: Bool { errors.count == 0 }

    /// Whether every value is good, so that commands that let no client in may use it.
    package var isWellFormed: Bool {
        errors.omitted == 0 && errors.errors.allSatisfy(\.concernsTheStartAlone)
    }

    /// Warnings and notes, one a line, each with its level; the last line of a level says how many more there are.
    package func noteLines(_ levels: [ConfigNote.Level] = [.warning, .info]) -> [String] {
        levels.flatMap { level in
            let omitted = omittedNotes[level] ?? 0
            let more = omitted > 0 ? ["\(level): and \(omitted) more like that"] : []
            return notes.filter { $0.level == level }.map { "\(level): \($0)" } + more
        }
    }
}
