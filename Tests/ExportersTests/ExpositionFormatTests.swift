import Testing

@testable import Exporters

@Suite struct ExpositionFormatTests {
    private static let prometheus2 =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    private static let prometheus2Native =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
        + "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    private static let prometheus3 =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    private static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

    @Test(
        arguments: [
            (nil, .text), ("", .text), ("*/*", .text), ("text/*", .text), ("text/plain", .text),
            ("text/plain; version=0.0.4; charset=utf-8", .text), (browser, .text),
            (prometheus2, .openMetrics), (prometheus2Native, .protobuf), (prometheus3, .openMetrics),
            ("application/openmetrics-text", .openMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", .openMetrics),
            // The highest q wins wherever it stands, and equals go by their order.
            ("text/plain;q=0.9, application/openmetrics-text;q=0.95", .openMetrics),
            ("text/plain;q=0.95, application/openmetrics-text;q=0.9", .text),
            ("application/openmetrics-text, text/plain", .openMetrics),
            ("text/plain, application/openmetrics-text", .text),
            ("application/openmetrics-text;version=1.0.0;q=0.001, */*;q=0", .openMetrics),
            // What says most about a form decides, not what is most generous.
            ("text/plain;q=0, */*", .openMetrics),
            ("application/openmetrics-text;q=0.2, */*;q=0.9", .text),
            ("application/vnd.google.protobuf", .protobuf), ("application/*;q=0.5", .openMetrics),
            // None of ours.
            ("application/json", nil), ("text/plain;q=0", nil),
            ("text/plain;version=1.0.0", .text), ("text/plain;version=9;format=flowed", .text),
            (
                "text/plain;version=1.0.0;q=0.9, text/plain;q=0.1, application/openmetrics-text;q=0.5",
                .openMetrics
            ),
            ("text/plain;version=1.0.0;q=0, */*", .text),
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", .text), ("text/html, *; q=.2", .text),
            ("text/plain;q=.", .text), ("text/plain;q=.0", nil),
            ("*/*;q=0.000", nil),
            ("application/openmetrics-text;version=2.0.0", nil),
            ("application/vnd.google.protobuf;encoding=text", nil),
            // Not understood: a range as if it were not there, a weight as 1.
            ("text", nil), ("text/plain;q=2", .text), ("text/plain;q=0.1234", .text),
            ("text/plain;q=-1", .text),
            (",;/,=", nil),
            ("text/plain;q=x, application/openmetrics-text", .text), ("*/plain", nil),
        ] as [(String?, ExpositionFormat?)])
    func `Accept chooses the form`(accept: String?, format: ExpositionFormat?) {
        #expect(ExpositionFormat.negotiated(accept) == format)
    }

    @Test func `of a header with many ranges only the first are looked at`() {
        let many = Array(repeating: "a/b", count: 10_000).joined(separator: ",")
        #expect(ExpositionFormat.negotiated(many + ",text/plain") == nil)
        #expect(ExpositionFormat.negotiated("text/plain," + many) == .text)
    }
}
