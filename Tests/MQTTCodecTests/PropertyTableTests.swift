import Primitives
import Testing

@testable import MQTTCodec

@Suite struct PropertyTableTests {
    /// §2.2.2.2, table 2-4, by hand: the places of each identifier.
    private static let standard: [UInt8: PropertyPlace] = [
        1: [.publish, .will], 2: [.publish, .will], 3: [.publish, .will], 8: [.publish, .will],
        9: [.publish, .will],
        11: [.publish, .subscribe], 17: [.connect, .connack, .disconnect], 18: .connack, 19: .connack,
        21: [.connect, .connack, .auth], 22: [.connect, .connack, .auth], 23: .connect, 24: .will,
        25: .connect,
        26: .connack, 28: [.connack, .disconnect],
        31: [.connack, .publishAck, .suback, .unsuback, .disconnect, .auth], 33: [.connect, .connack],
        34: [.connect, .connack], 35: .publish, 36: .connack, 37: .connack,
        38: [
            .connect, .connack, .publish, .will, .publishAck, .subscribe, .suback, .unsubscribe, .unsuback,
            .disconnect, .auth,
        ],
        39: [.connect, .connack], 40: .connack, 41: .connack, 42: .connack,
    ]

    private static let places = (0..<11).map { PropertyPlace(rawValue: 1 << $0) }

    @Test func `a property is decoded where the standard has it, and misplaced elsewhere`() {
        for number in UInt8.min...UInt8.max {
            for place in Self.places {
                let problem = Self.decode(Self.value(of: number), place)
                if let allowed = Self.standard[number] {
                    #expect(
                        problem == (allowed.contains(place) ? nil : .misplacedProperty), "\(number) \(place)")
                } else {
                    #expect(problem == .unknownProperty, "\(number)")
                }
            }
        }
    }

    @Test func `a property twice is a duplicate, except user properties and the identifiers of a PUBLISH`() {
        for (number, allowed) in Self.standard {
            for place in Self.places where allowed.contains(place) {
                let isRepeatable = number == 38 || (number == 11 && place == .publish)
                let problem = Self.decode(Self.value(of: number) + Self.value(of: number), place)
                #expect(problem == (isRepeatable ? nil : .duplicateProperty), "\(number) \(place)")
            }
        }
    }

    @Test func `what is written in a place can be read there, and nothing else is written`() throws {
        let all = Properties {
            $0.payloadFormatIndicator = 1
            $0.messageExpiryInterval = 2
            $0.contentType = "c"
            $0.responseTopic = "r"
            $0.correlationData = [9]
            $0.subscriptionIdentifiers = [11]
            $0.sessionExpiryInterval = 17
            $0.assignedClientIdentifier = "i"
            $0.serverKeepAlive = 19
            $0.authenticationMethod = "m"
            $0.authenticationData = [22]
            $0.requestProblemInformation = 1
            $0.willDelayInterval = 24
            $0.requestResponseInformation = 1
            $0.responseInformation = "ri"
            $0.serverReference = "s"
            $0.reasonString = "w"
            $0.receiveMaximum = 33
            $0.topicAliasMaximum = 34
            $0.topicAlias = 35
            $0.maximumQoS = 1
            $0.retainAvailable = 1
            $0.userProperties = [UserProperty("k", "v")]
            $0.maximumPacketSize = 39
            $0.wildcardSubscriptionAvailable = 1
            $0.subscriptionIdentifiersAvailable = 1
            $0.sharedSubscriptionAvailable = 1
        }
        for place in Self.places {
            var writer = PacketWriter()
            writer.write(all, of: place, version: .v5)
            let bytes = writer.bytes
            #expect(bytes.count == Int(bytes[0]) + 1)
            let range = ByteRange(offset: 1, count: bytes.count - 1)
            var scanner = PropertyScanner(bytes.span.bytes, range, of: place, in: .connect)
            var numbers: Set<UInt8> = []
            while let property = try scanner.next() { numbers.insert(property.identifier.rawValue) }
            #expect(numbers == Set(Self.standard.filter { $0.value.contains(place) }.keys))
            writer.removeAll()
            writer.write(all, of: place, version: .v311)
            #expect(writer.bytes.isEmpty)
        }
    }

    @Test func `the bytes of a message's properties have no length in front`() throws {
        let properties = Properties {
            $0.contentType = "c"
            $0.willDelayInterval = 3
        }
        #expect(properties.encodedBytes() == [3, 0, 1, 0x63])
        #expect(Properties().encodedBytes() == [])
    }

    private static func decode(_ bytes: [UInt8], _ place: PropertyPlace) -> MalformedPacket.Problem? {
        do throws(MalformedPacket) {
            _ = try Properties.decode(
                bytes.span.bytes, ByteRange(offset: 0, count: bytes.count), of: place, in: .connect)
            return nil
        } catch {
            // Data needs a method beside it, which is not what is asked here.
            return error.problem == .authenticationDataWithoutMethod ? nil : error.problem
        }
    }

    /// The property with a value that is good for it.
    private static func value(of number: UInt8) -> [UInt8] {
        switch number {
        case 1, 23, 25, 36, 37, 40, 41, 42, 11: [number, 1]
        case 19, 33, 34, 35: [number, 0, 1]
        case 2, 17, 24, 39: [number, 0, 0, 0, 1]
        case 38: [number, 0, 1, 0x6B, 0, 1, 0x76]
        default: [number, 0, 1, 0x78]
        }
    }

    @Test(arguments: [PacketType.connect, .publish, .puback, .subscribe, .unsubscribe, .disconnect])
    func `a block of properties has a largest size`(_ type: PacketType) throws {
        for excess in [0, 1] {
            let block = Self.pairs(Properties.largestByteCount + excess)
            var body: [UInt8]
            switch type {
            case .connect: body = Array([0, 4] + "MQTT".utf8 + [5, 2, 0, 0]) + block + [0, 1, 0x61]
            case .publish: body = [0, 1, 0x74] + block
            case .puback: body = [0, 1, 0] + block
            case .disconnect: body = [0] + block
            default: body = [0, 1] + block + [0, 1, 0x74] + (type == .subscribe ? [0] : [])
            }
            let flags: UInt8 = type == .subscribe || type == .unsubscribe ? 2 : 0
            let header = FixedHeader(
                type: type, flags: flags, headerByteCount: 5, remainingLength: body.count)
            let result = Result { () throws(MalformedPacket) in
                _ = try ControlPacket.decode(header, body: body.span.bytes, version: .v5)
            }
            switch result {
            case .success: #expect(excess == 0)
            case .failure(let error):
                #expect(excess == 1 && error.problem == MalformedPacket.Problem.packetTooLarge, "\(error)")
            }
        }
    }

    /// User properties of `count` bytes together, with their length in front.
    private static func pairs(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count + 10 <= count { bytes += [0x26, 0, 0, 0, 0] }
        let rest = count - bytes.count - 5
        bytes += [0x26, 0, 0, 0, UInt8(rest)] + [UInt8](repeating: 0x78, count: rest)
        var length: [UInt8] = []
        var left = count
        repeat {
            length.append(UInt8(left & 127) | (left > 127 ? 128 : 0))
            left >>= 7
        } while left > 0
        return length + bytes
    }
}
