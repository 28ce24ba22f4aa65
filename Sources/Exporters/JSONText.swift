/// Writes JSON front to back; the caller opens and closes in order and the commas come by themselves.
struct JSONText {
    private(set) var bytes: [UInt8] = []
    /// The next key or value is the first in its object or array.
    private var isFirst = true

    mutating func beginObject() { open(UInt8(ascii: "{")) }
    mutating func endObject() { close(UInt8(ascii: "}")) }
    mutating func beginArray() { open(UInt8(ascii: "[")) }
    mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes `"name":`; one value must follow.
    mutating func key(_ name: String) {
        separate()
        quoted(name)
        bytes.append(UInt8(ascii: ":"))
        isFirst = true
    }

    mutating func string(_ value: String) {
        separate()
        quoted(value)
    }

    mutating func number(_ value: Int64) {
        separate()
        bytes.append(decimal: value)
    }

    mutating func bool(_ value: Bool) {
        separate()
        bytes.append(text: value ? "true" : "false")
    }

    /// Four significant digits; `null` for what is not known or not finite.
    mutating func short(_ value: Double?) {
        separate()
        guard let value, value.isFinite else { return bytes.append(text: "null") }
        if value == value.rounded(), abs(value) < 1e15 { return bytes.append(decimal: Int64(value)) }
        var scale = 1.0
        while abs(value) * scale < 1000, scale < 1e9 { scale *= 10 }
        bytes.append(text: "\((value * scale).rounded() / scale)")
    }

    mutating func field(_ name: String, short value: Double?) {
        key(name)
        short(value)
    }

    mutating func field(_ name: String, _ value: Int64) {
        key(name)
        number(value)
    }

    mutating func field(_ name: String, _ value: UInt64) { field(name, Int64(clamping: value)) }

    mutating func field(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    mutating func field(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Writes `"name":null`.
    mutating func null(_ name: String) {
        key(name)
        separate()
        bytes.append(text: "null")
    }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        isFirst = true
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        isFirst = false
    }

    private mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func quoted(_ text: String) {
        let hexadecimal: StaticString = "0123456789abcdef"
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                bytes.append(0x5C)
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(text: "\\u00")
                hexadecimal.withUTF8Buffer {
                    unsafe bytes.append($0[Int(byte >> 4)])
                    unsafe bytes.append($0[Int(byte & 15)])
                }
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
