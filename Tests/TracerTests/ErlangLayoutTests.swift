import Primitives
import Testing

@testable import Tracer

/// What is expected was written by Erlang.
@Suite struct ErlangLayoutTests {
    struct Sample: Sendable {
        let column: Int
        let term: ErlangTerm
        let text: String

        init(_ column: Int, _ term: ErlangTerm, _ text: String) {
            (self.column, self.term, self.text) = (column, term, text)
        }
    }

    private static let localhost = ErlangTerm.tuple([
        .tuple([.integer(127), .integer(0), .integer(0), .integer(1)]), .integer(54321),
    ])
    private static let failure = ErlangTerm.tuple([.atom("error"), .atom("invalid_credentials")])

    private static let samples = [
        Sample(1, localhost, "{{127,0,0,1},54321}"),
        Sample(60, localhost, "{{127,0,0,1},54321}"),
        Sample(61, localhost, "{{127,0,0,1},\n" + blanks(61) + "54321}"),
        Sample(
            69, .subscriber(mountpoint: "mp", clientID: "client"),
            "{\"mp\",\n" + blanks(69) + "<<\"client\">>}"),
        Sample(50, failure, "{error,invalid_credentials}"),
        Sample(70, failure, "{error,\n" + blanks(70) + "invalid_credentials}"),
        Sample(86, .list([.integer(0), .integer(135)]), "[0,\n" + blanks(86) + "135]"),
        Sample(5, .tuple([.atom("topic"), .topic("a/b")]), "{topic,[<<\"a\">>,<<\"b\">>]}"),
        Sample(
            22,
            .map([
                .init("p_content_type", .text("a")),
                .init("p_correlation_data", .binary(Array(1...31))),
            ]),
            """
            #{p_content_type => <<"a">>,
                                   p_correlation_data =>
                                       <<1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,
                                         20,21,22,23,24,25,26,27,28,29,30,31>>}
            """),
        Sample(
            22,
            .map([
                .init(
                    "p_user_property",
                    .list([
                        .tuple([.text("a name that is rather long"), .text("a value that is rather long")]),
                        .tuple([.text("b"), .text("")]),
                    ]))
            ]),
            """
            #{p_user_property =>
                                       [{<<"a name that is rather long">>,
                                         <<"a value that is rather long">>},
                                        {<<"b">>,<<>>}]}
            """),
        Sample(
            30,
            .tuple([
                .atom("some_rather_long_tag"),
                .text("and a long value behind it, so there is no room"),
            ]),
            "{some_rather_long_tag,\n" + blanks(33)
                + "<<\"and a long value behind it, so there is no room\">>}"),
        Sample(1, .binary(Array("\"\\\n\u{1B}".utf8)), #"<<"\"\\\n\e">>"#),
        Sample(1, .atom("Not plain"), "'Not plain'"),
        Sample(1, .atom("end"), "'end'"),
        Sample(1, .list([]), "[]"),
        Sample(1, .map([]), "#{}"),
        Sample(1, .tuple([]), "{}"),
        Sample(1, .string([]), "[]"),
    ]

    private static func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }

    @Test(arguments: samples)
    func `a term breaks where Erlang breaks it`(_ sample: Sample) {
        #expect(Self.written(sample.term, column: sample.column) == sample.text)
    }

    @Test func `text that is not ASCII is shown as text, and what is no text as numbers`() {
        #expect(Self.written(.text("größe")) == "<<\"größe\"/utf8>>")
        #expect(Self.written(.binary([0xC3])) == "<<195>>")
        #expect(Self.written(.binary([0x61, 0x00])) == "<<97,0>>")
        #expect(Self.written(.text("a\u{202E}b")) == "<<97,226,128,174,98>>")
        #expect(Self.written(.atom("a'\u{1B}[2J\u{7F}")) == #"'a\'\e[2J\x7F'"#)
    }

    @Test func `numbers are numbers even where Erlang takes them for letters`() {
        #expect(Self.written(.list([.integer(65), .integer(66)])) == "[65,66]")
    }

    @Test func `what is longer than a trace shows is cut in Erlang's way`() {
        var style = TraceStyle()
        style.textByteCount = 4
        style.listCount = 2
        #expect(Self.written(.text("abcdef"), style) == #"<<"abcd"...>>"#)
        #expect(Self.written(.text("abcößf"), style) == #"<<"abc"...>>"#)
        #expect(Self.written(.binary([1, 2, 3, 4, 5]), style) == "<<1,2,3,4,...>>")
        #expect(Self.written(.string(Array("abcdef".utf8)), style) == #""abcd"..."#)
        #expect(Self.written(.list([.integer(1), .integer(2), .integer(3)]), style) == "[1,2|...]")
    }

    private static func written(
        _ term: ErlangTerm, _ style: TraceStyle = TraceStyle(), column: Int = 1
    ) -> String {
        String(decoding: ErlangLayout.write(ErlangNode(term, style: style), column: column), as: UTF8.self)
    }
}
