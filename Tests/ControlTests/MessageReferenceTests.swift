import Foundation
import Testing

@testable import Control

@Suite struct MessageReferenceTests {
    @Test func `the mark of a message is 16 bytes in Base64, as VerneMQ's`() throws {
        #expect(MessageReference.text(session: 0, message: 1) == "AAAAAAAAAAAAAAAAAAAAAQ==")
        let text = MessageReference.text(session: 0x0102_0304_0506_0708, message: .max)
        #expect(text.count == 24)
        #expect(
            try #require(Data(base64Encoded: text))
                == Data([1, 2, 3, 4, 5, 6, 7, 8] + [UInt8](repeating: 255, count: 8)))
    }
}
