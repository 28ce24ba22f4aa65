import Testing

@testable import BrokerConfig

/// Settings of what sends metrics away.
@Suite struct PushSettingsTests {
    private func report(_ overrides: (key: String, value: String)...) -> ConfigReport {
        EffectiveConfig.report(
            path: nil,
            overrides: [("listener.tcp.default", "127.0.0.1:1883"), ("allow_anonymous", "on")] + overrides)
    }

    @Test func `headers are decoded and keep their order`() {
        let config = report(("otlp.headers", "b = Bearer x%2Cy , a=%25")).config
        #expect(config.otlpHeaders.map(\.name) == ["b", "a"])
        #expect(config.otlpHeaders.map(\.value) == ["Bearer x,y", "%"])
        #expect(report().config.otlpHeaders.isEmpty)
    }

    @Test func `headers are shown nowhere, good or bad`() {
        let good = report(("otlp.headers", "authorization=hush"))
        #expect(good.config.value("otlp.headers")?.shownText == "******")
        #expect(!ConfigText.show(good.config, all: true).contains("hush"))
        let bad = report(("otlp.headers", "hush"))
        #expect(!bad.canStart)
        #expect(bad.errors.description.contains("otlp.headers: \"******\" is not a comma list of name=value"))
    }

    @Test func `a resource attribute may have dots in its name`() {
        let config = report(
            ("otlp.resource.service.namespace", "plant"),
            ("otlp.resource.deployment.environment.name", "test"),
            ("otlp.resource.a\\.b\\.c\\.d", "x"), ("otlp.resource.host", "h")
        ).config
        #expect(
            config.otlpResource.map { "\($0.name)=\($0.value)" } == [
                "a.b.c.d=x", "deployment.environment.name=test", "host=h", "service.namespace=plant",
            ])
    }

    @Test func `a URL that is none is an error that says what is one`() {
        let text = report(("otlp.metrics.endpoint", "collector:4318")).errors.description
        #expect(
            text.contains(
                "otlp.metrics.endpoint: \"collector:4318\" is not an http:// or https:// URL such as "
                    + "http://127.0.0.1:4318/v1/metrics, without user, password or fragment"), "\(text)")
    }
}
