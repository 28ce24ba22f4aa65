/// What a configuration may take. All of it is far beyond what anybody writes by hand or by script; whatever a file holds,
/// reading it costs a moment and some megabytes.
enum ConfigLimits {
    /// All files together, in bytes.
    static let byteCount = 16 << 20
    /// One file of `$(<file)`, in bytes.
    static let valueFileByteCount = 64 << 10
    /// Files read, each as often as it is included.
    static let fileCount = 1000
    /// Files that lie in each other.
    static let includeDepth = 16
    /// Settings in all files.
    static let settingCount = 100_000
    /// A key, in bytes: the longest known one has 65.
    static let keyByteCount = 512
    /// What a value may grow to by what it names, in bytes.
    static let substitutedByteCount = 64 << 10
    /// What all values may grow to, in bytes.
    static let allSubstitutedByteCount = 16 << 20
    /// Values that lie in each other.
    static let substitutionDepth = 32
    /// Errors, warnings and notes that are shown, of each.
    static let shownFindings = 100
}
