import Primitives

extension Properties {
    /// The value of the first user property of this name in `properties`, which are encoded without their length as a
    /// PUBLISH has them; nil when there is none.
    public static func userProperty(_ name: StaticString, in properties: RawSpan) -> String? {
        var scanner = PropertyScanner(
            properties, ByteRange(offset: 0, count: properties.byteCount), of: .publish, in: .publish)
        while let property = try? scanner.next() {
            guard property.identifier == .userProperty, property.content.count == name.utf8CodeUnitCount,
                property.content.bytes(in: properties).isEqual(to: name)
            else { continue }
            return String(decoding: property.second.bytes(in: properties).copiedBytes(), as: UTF8.self)
        }
        return nil
    }
}

extension RawSpan {
    fileprivate func isEqual(to text: StaticString) -> Bool {
        unsafe withUnsafeBytes { bytes in
            text.withUTF8Buffer { unsafe bytes.elementsEqual($0) }
        }
    }
}
