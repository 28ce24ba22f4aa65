/// What this build calls itself: on `--version` of each program, `/status` and `/metrics`.
public enum BuildVersion {
    /// Such as `0.1.0`.
    public static let text = "0.1.0"
}
