/// Puts the value of other settings, else of environment variables, in place of `$(name)`.
struct Substitution {
    /// The value of a setting as written, and whether it is literal; `nil` when it has none.
    let lookUp: (String) -> (value: String, isLiteral: Bool)?
    let environment: [String: String]

    /// Bytes a value may grow to.
    private static let largestValue = 65_536

    /// - Throws: a problem when a name is unknown or stands for itself through others.
    func expand(_ value: String, of key: String) throws(SubstitutionFailure) -> String {
        try expand(value, path: [key])
    }

    private func expand(_ value: String, path: [String]) throws(SubstitutionFailure) -> String {
        var output = ""
        var rest = Substring(value)
        while let dollar = rest.firstIndex(of: "$") {
            output += rest[..<dollar]
            rest = rest[dollar...]
            guard rest.hasPrefix("$("), let end = rest.firstIndex(of: ")") else {
                output += "$"
                rest = rest.dropFirst()
                continue
            }
            let name = String(ConfigValue.trimmed(rest.dropFirst(2)[..<end]))
            output += try valueOf(name, path: path)
            // Settings that name each other twice double with each step.
            guard output.utf8.count <= Self.largestValue else {
                throw SubstitutionFailure(problem: .substitutionTooLong(limit: Self.largestValue))
            }
            rest = rest[rest.index(after: end)...]
        }
        return output + rest
    }

    private func valueOf(_ name: String, path: [String]) throws(SubstitutionFailure) -> String {
        guard !path.contains(name) else {
            throw SubstitutionFailure(problem: .circularSubstitution(path: path + [name]))
        }
        if let (value, isLiteral) = lookUp(name) {
            return isLiteral ? value : try expand(value, path: path + [name])
        }
        guard let value = environment[name] else {
            throw SubstitutionFailure(problem: .missingSubstitution(name: name))
        }
        return value
    }
}

/// Why a value could not be completed.
struct SubstitutionFailure: Error {
    let problem: ConfigError.Problem
}
