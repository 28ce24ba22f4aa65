extension EffectiveConfig {
    /// Whether an HTTP module asks for an API key on a listener: what is set for the listener counts, else what is set for
    /// the module.
    ///
    /// - Parameter scheme: `http` or `https`.
    package func needsKey(_ module: String, on listener: String, scheme: String) -> Bool {
        let own = ConfKey(words: ["listener", scheme, listener, "http_module", module, "auth", "mode"])
            .description
        let mode = value(own) ?? value("http_module.\(module).auth.mode")
        return mode?.text == "apikey"
    }
}
