/// Puts the value of other settings, else of environment variables, in place of `$(name)`.
///
/// Each setting is worked out once, however many name it, and values may lie in each other only so deep: the whole costs no
/// more than the text that comes out of it.
struct Substitution {
    /// The value of a setting as written, and whether it is literal; `nil` when it has none.
    let lookUp: (String) -> (value: String, isLiteral: Bool)?
    let environment: [String: String]
    /// What settings came to.
    private var known: [String: String] = [:]
    /// Bytes that all values grew to.
    private(set) var byteCount = 0
    /// `$(name)` that were looked up: the work done.
    private(set) var lookUps = 0

    init(lookUp: @escaping (String) -> (value: String, isLiteral: Bool)?, environment: [String: String]) {
        self.lookUp = lookUp
        self.environment = environment
    }

    /// - Throws: a problem when a name is unknown or stands for itself through others, or when there is too much of it.
    mutating func expand(_ value: String, of key: String) throws(SubstitutionFailure) -> String {
        if let value = known[key] { return value }
        let result = try expand(value, path: [key])
        known[key] = result
        return result
    }

    private mutating func expand(_ value: String, path: [String]) throws(SubstitutionFailure) -> String {
        guard value.utf8.contains(UInt8(ascii: "$")) else { return value }
        guard path.count <= ConfigLimits.substitutionDepth else {
            throw SubstitutionFailure(problem: .substitutionTooDeep(limit: ConfigLimits.substitutionDepth))
        }
        let bytes = Array(value.utf8)
        var output: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let isOpening =
                bytes[position] == UInt8(ascii: "$") && position + 1 < bytes.count
                && bytes[position + 1] == UInt8(ascii: "(")
            guard isOpening else {
                output.append(bytes[position])
                position += 1
                continue
            }
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: ")")) else {
                // Nothing that follows is closed either.
                output += bytes[position...]
                break
            }
            let name = String(decoding: bytes[(position + 2)..<end], as: UTF8.self)
            output += try valueOf(String(ConfigValue.trimmed(name[...])), path: path).utf8
            // Settings that name each other twice double with each step.
            guard output.count <= ConfigLimits.substitutedByteCount else {
                throw SubstitutionFailure(
                    problem: .substitutionTooLong(limit: ConfigLimits.substitutedByteCount))
            }
            position = end + 1
        }
        byteCount += output.count
        guard byteCount <= ConfigLimits.allSubstitutedByteCount else {
            throw SubstitutionFailure(
                problem: .substitutionsTooLong(limit: ConfigLimits.allSubstitutedByteCount))
        }
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func valueOf(_ name: String, path: [String]) throws(SubstitutionFailure) -> String {
        lookUps += 1
        guard !path.contains(name) else {
            throw SubstitutionFailure(problem: .circularSubstitution(path: path + [name]))
        }
        if let value = known[name] { return value }
        if let (value, isLiteral) = lookUp(name) {
            let result = isLiteral ? value : try expand(value, path: path + [name])
            known[name] = result
            return result
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
