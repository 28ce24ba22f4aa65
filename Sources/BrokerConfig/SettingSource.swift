/// Where a value comes from.
package enum SettingSource: Hashable, Sendable, CustomStringConvertible {
    /// Nobody set it.
    case builtIn
    /// `line` counts from 1; 0 is the file as a whole.
    case file(path: String, line: Int)
    /// The name of the variable, such as `DOCKER_VERNEMQ_ALLOW_ANONYMOUS`.
    case environment(variable: String)
    /// `--set key=value`.
    case commandLine

    /// How a setting goes away that comes from here.
    var removal: String {
        if case .environment = self { return "unset the variable" }
        return self == .commandLine ? "leave the option out" : "remove the line"
    }

    package var description: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, line: 0): path
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let variable): "environment \(variable)"
        case .commandLine: "--set"
        }
    }
}
