package import Primitives

/// A value in the notation of Erlang, which operators of VerneMQ read in its traces: `{error,invalid_credentials}`,
/// `#{p_user_property => [{<<"k">>,<<"v">>}]}`.
///
/// It only holds what a trace shows; `ErlangNode` measures it and `ErlangLayout` writes it.
package indirect enum ErlangTerm: Equatable, Sendable {
    /// A name such as `true` or `invalid_credentials`. It is quoted when it needs quotes.
    case atom(String)
    /// A whole number.
    case integer(Int64)
    /// Bytes: `<<"text">>` when all of them can be shown, else `<<1,2>>`.
    case binary([UInt8])
    /// A list of characters: `"text"`, and `[]` when there are none, as Erlang has it.
    case string([UInt8])
    /// `[1,2]`. Other than Erlang, which takes `[65]` for the string `"A"`, numbers are always shown as numbers.
    case list([ErlangTerm])
    /// `{1,2}`.
    case tuple([ErlangTerm])
    /// `#{key => value}`, in this order. The keys are names.
    case map([Entry])

    /// A name in a map with its value.
    package struct Entry: Equatable, Sendable {
        /// The name, an atom.
        package let key: String
        /// What it stands for.
        package let value: ErlangTerm

        /// `key => value`.
        package init(_ key: String, _ value: ErlangTerm) {
            self.key = key
            self.value = value
        }
    }

    /// The bytes of a text.
    package static func text(_ text: UTF8Text) -> ErlangTerm { .binary(text.bytes) }

    /// `true` or `false`.
    package static func boolean(_ value: Bool) -> ErlangTerm { .atom(value ? "true" : "false") }

    /// A topic or filter as VerneMQ's hooks have it: a list of its levels, `[<<"a">>,<<"b">>]`.
    ///
    /// - Parameter levelCount: levels beyond are left in one piece, so that a topic of 64 KB of slashes is no work.
    package static func topic(_ topic: UTF8Text, levelCount: Int = 32) -> ErlangTerm {
        .list(
            topic.bytes.split(
                separator: UInt8(ascii: "/"), maxSplits: max(0, levelCount - 1),
                omittingEmptySubsequences: false
            )
            .map { .binary(Array($0)) })
    }

    /// `{[],<<"client">>}`: mountpoint and client id.
    package static func subscriber(mountpoint: String, clientID: UTF8Text) -> ErlangTerm {
        .tuple([.string(Array(mountpoint.utf8)), .text(clientID)])
    }
}
