import Glibc

/// The address of a client, which Erlang has as numbers: `{{127,0,0,1},54321}`.
package struct TracePeer: Equatable, Sendable {
    /// As text, without the port: `127.0.0.1`, `::1`, or the path of a socket.
    package var address: String
    /// 0 where there is none.
    package var port: UInt16

    /// An address and a port.
    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `{{127,0,0,1},54321}`, or `{local,<<"path">>}` for what is no address of the internet.
    var term: ErlangTerm {
        let port = ErlangTerm.integer(Int64(port))
        var four = in_addr()
        if unsafe inet_pton(AF_INET, address, &four) == 1 {
            let number = UInt32(bigEndian: four.s_addr)
            return .tuple([
                .tuple([24, 16, 8, 0].map { .integer(Int64(number >> UInt32($0) & 0xFF)) }), port,
            ])
        }
        var six = [UInt16](repeating: 0, count: 8)
        if unsafe inet_pton(AF_INET6, address, &six) == 1 {
            return .tuple([.tuple(six.map { .integer(Int64(UInt16(bigEndian: $0))) }), port])
        }
        return .tuple([.atom("local"), .binary(Array(address.utf8))])
    }
}
