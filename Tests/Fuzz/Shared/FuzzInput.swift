/// Stops the fuzzer, which then keeps the input: a promise of the code under test is broken.
func require(_ isTrue: Bool, _ promise: @autoclosure () -> String) {
    if !isTrue { broken(promise()) }
}

/// As `require(false, …)`.
func broken(_ promise: String) -> Never {
    fatalError("broken promise: \(promise)")
}

extension RawSpan {
    /// The bytes as an array whose end is the end of its memory, so that the address sanitizer sees a read behind it.
    func copied() -> [UInt8] {
        withUnsafeBytes { Array($0) }
    }
}
