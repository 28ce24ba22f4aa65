/// How a trace is written, and how much of what clients choose is shown of it: the work for one event is bounded by
/// these numbers, whatever its size.
package struct TraceStyle: Equatable, Sendable {
    /// Bytes of a payload, in PUBLISH, wills and answers of hooks (`--trunc-payload`); negative counts as 0.
    package var payloadByteCount = 200
    /// Bytes of the payload that a hook is called with. VerneMQ shows all of it.
    package var hookPayloadByteCount = 1024
    /// Bytes of each topic, filter, client id, user name and property.
    package var textByteCount = 1024
    /// Filters of a packet, and elements of a list.
    package var listCount = 32
    /// Writes what VerneMQ writes even where it is a slip: the bracket too many of PUBREC, PUBREL and PUBCOMP in MQTT 5,
    /// and CONNECT without its mountpoint.
    package var compatibility = true
    /// Shows Authentication Data. It can be a password, so it is hidden as passwords are, other than in VerneMQ.
    package var showsAuthenticationData = false

    /// VerneMQ's numbers where it has any.
    package init() {}
}
