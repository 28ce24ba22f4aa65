/// An output that makes bytes of what a command says.
package protocol AdminRenderer: AdminOutput {
    /// Hands on what waits to be written, as far as it can be written already.
    func flush()
    /// Everything is said: writes what is still missing. Call it once, and nothing after it.
    func finish()
}
