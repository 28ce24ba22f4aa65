import Primitives
import Testing

@testable import PasswordFile

@Suite struct PasswordHashTests {
    /// Made with Python: `base64.b64encode(hashlib.sha512(password + salt).digest())`; the first one with openssl too.
    static let known: [(password: String, text: String)] = [
        (
            "secret",
            "$6$AAECAwQFBgcICQoL$JqsxEv/ucyxjA5DKsQ+Y8CDWaQDNQI9FpAkmfwAqWfwZLk/JEGgM0EpylrJHAZKKyFQjJeZ3nFaHjPzOzPPmPw=="
        ),
        (
            "",
            "$6$////////////////$BbgXPjX7pwsNvlA2OeU0UdXBXbgLhER+kkluNDrYVpvtrbeKAyIVl+iP8qz7i9fiaYqCLFMVub2p87oNmwOE3A=="
        ),
        (
            "pässwörd€",
            "$6$c2FsdHNhbHRzYWx0$SbXVPxNvSDMS7YrIwZiFkq5VGLgZl6dbZ3X3ZHqnCEbVZZLI0BZrN72Fu9R1hz3/KyYsJwa/DsMxTALu6ToG2Q=="
        ),
        (
            String(repeating: "x", count: 1000),
            "$6$++++++++++++++++$lhEAADxjOktIOHODnnWZu9q5KVi0Pd8sVmjlQVlG9ivNMA5NRd5cx8WsHyhwsqiyM2OisjB8HiuwOPWs+HKZhw=="
        ),
    ]

    @Test(arguments: known) func `a hash is what VerneMQ writes`(_ known: (password: String, text: String))
        throws
    {
        let read = try #require(PasswordHash(text: Array(known.text.utf8)[...]))
        #expect(String(decoding: read.text, as: UTF8.self) == known.text)
        #expect(read.matches(Array(known.password.utf8)))
        #expect(!read.matches(Array((known.password + "x").utf8)))
        #expect(try PasswordHash(of: Array(known.password.utf8), salt: read.salt) == read)
    }

    @Test func `two hashes of one password differ, and both match it`() throws {
        let password = Array("secret".utf8)
        let first = try PasswordHash(of: password)
        let second = try PasswordHash(of: password)
        #expect(first.salt.count == 12)
        #expect(first.salt != second.salt && first.digest != second.digest)
        #expect(first.matches(password) && second.matches(password))
        #expect(PasswordHash(text: first.text[...]) == first)
    }

    @Test func `a text of another form is no hash`() throws {
        let good = Self.known[0].text
        let bad = [
            "", "$", "$6$", "$6$$", "$6$AAAA", "$6$AAAA$", "$6$AAAA$AAAA", "$5" + good.dropFirst(2),
            good + "$", good + "=",
            good + " ", " " + good, String(good.dropLast()), String(good.dropLast(2)),
            good.replacing("AAECAwQFBgcICQoL", with: "AAECAwQFBgcICQo"),
            good.replacing("AAECAwQFBgcICQoL", with: "AAECAwQFBgcICQ!L"),
            good.replacing("AAECAwQFBgcICQoL", with: "AAEC=wQFBgcICQoL"),
            // The last digit stands for six bits, of which four belong to no byte.
            good.replacing("Pw==", with: "Px=="),
        ]
        for text in bad { #expect(PasswordHash(text: Array(text.utf8)[...]) == nil, "\(text)") }
    }

    @Test func `base64 reads what it writes`() {
        for count in 0..<100 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ 251) }
            let text = Base64.encode(bytes)
            #expect(text.count == (count + 2) / 3 * 4)
            #expect(Base64.decode(text[...]) == bytes)
        }
        #expect(
            String(decoding: Base64.encode(Array("any carnal pleas".utf8)), as: UTF8.self)
                == "YW55IGNhcm5hbCBwbGVhcw==")
    }

    /// Made with Python: `hashlib.scrypt(password, salt=salt, n=1 << ln, r=r, p=p, dklen=32)`.
    static let slow: [(password: String, text: String)] = [
        ("secret", "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoL$AwlXsh3KjCoBxRQX9pYJrmVkMxDWuqgy9iZsS1kfgDI="),
        ("", "$scrypt$ln=4,r=1,p=2$AAECAwQFBgcICQoL$o4bCUpBXEmOoiwreiXJ+LsKLSbIm+0LnBNOQrKynNk8="),
    ]

    @Test(arguments: slow) func `a slow hash is scrypt's`(_ known: (password: String, text: String)) throws {
        let read = try #require(PasswordHash(text: Array(known.text.utf8)[...]))
        #expect(String(decoding: read.text, as: UTF8.self) == known.text)
        #expect(read.matches(Array(known.password.utf8)))
        #expect(!read.matches(Array((known.password + "x").utf8)))
    }

    @Test func `a fresh slow hash is read again, beside those of VerneMQ`() throws {
        let hash = try PasswordHash(of: Array("secret".utf8), .slow)
        #expect(PasswordHash(text: hash.text[...]) == hash)
        #expect(hash.matches(Array("secret".utf8)))
        let lines = Array("a:".utf8) + hash.text + Array("\nb:\(Self.known[0].text)\n".utf8)
        let file = try PasswordFile(parsing: lines, path: "p")
        #expect(file.hashes.count == 2 && file.problemCount == 0)
        #expect(file.hashes["a"] == hash)
    }

    @Test func `a file cannot ask for more work or memory than a hash may take`() throws {
        let end = "$AAECAwQFBgcICQoL$" + String(repeating: "A", count: 43) + "="
        for good in ["ln=14,r=8,p=1", "ln=1,r=1,p=1", "ln=17,r=8,p=1"] {
            #expect(PasswordHash(text: Array(("$scrypt$" + good + end).utf8)[...]) != nil, "\(good)")
        }
        for bad in [
            "ln=21,r=8,p=1", "ln=0,r=8,p=1", "ln=20,r=32,p=1", "ln=14,r=33,p=1", "ln=14,r=8,p=17",
            "ln=20,r=1,p=2",
            "ln=14,r=8", "r=8,ln=14,p=1", "ln=14,r=8,p=1,x=1", "ln=-1,r=8,p=1", "ln=014,r=8,p=1",
            "ln=9999,r=8,p=1", "",
        ] {
            #expect(PasswordHash(text: Array(("$scrypt$" + bad + end).utf8)[...]) == nil, "\(bad)")
        }
    }
}
