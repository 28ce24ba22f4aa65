import Foundation
import Testing

@testable import Admin

@Suite struct OpenAPIDescriptionTests {
    private func document() throws -> [String: Any] {
        let text = OpenAPIDescription(.vmqAdmin, version: "1.0").json()
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func `each command has a path, and those that change something can be posted`() throws {
        let paths = try #require(try document()["paths"] as? [String: [String: Any]])
        for command in CommandTable.vmqAdmin.commands {
            let path = try #require(paths["/" + command.words.joined(separator: "/")])
            #expect(Set(path.keys) == (command.effect == .reads ? ["get"] : ["get", "post"]))
        }
        #expect(paths.count == CommandTable.vmqAdmin.commands.count)
    }

    @Test func `operations are unique and references lead somewhere`() throws {
        let document = try document()
        var references: Set<String> = []
        var operations: [String] = []
        func walk(_ value: Any) {
            if let object = value as? [String: Any] {
                if let reference = object["$ref"] as? String { references.insert(reference) }
                if let id = object["operationId"] as? String { operations.append(id) }
                object.values.forEach(walk)
            } else if let array = value as? [Any] {
                array.forEach(walk)
            }
        }
        walk(document)
        #expect(Set(operations).count == operations.count)
        for reference in references {
            var place: Any? = document
            for step in reference.split(separator: "/").dropFirst() {
                place = (place as? [String: Any])?[String(step)]
            }
            #expect(place != nil, "\(reference)")
        }
    }

    @Test func `parameters have their types`() {
        #expect(
            OpenAPIDescription.schema(.integer(0...65535), "10")
                == ["type": "integer", "minimum": 0, "maximum": 65535, "default": 10])
        #expect(OpenAPIDescription.schema(.choice(["a"]), nil) == ["type": "string", "enum": ["a"]])
        #expect(OpenAPIDescription.schema(.boolean, "true") == ["type": "boolean", "default": true])
    }
}
