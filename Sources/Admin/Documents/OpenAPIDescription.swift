/// The OpenAPI 3.1 description of `/api/v1`, from the table: a path for each command, GET for all, and POST for those
/// that change something.
package struct OpenAPIDescription {
    private let table: CommandTable
    private let version: String

    /// - Parameter version: that of the broker.
    package init(_ table: CommandTable, version: String) {
        self.table = table
        self.version = version
    }

    /// The whole document, as JSON text.
    package func json() -> String { document().text() + "\n" }

    /// The whole document.
    package func document() -> JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "VerneMQ management API",
                "version": .string(version),
                "description":
                    "The commands of vmq-admin over HTTP. Arguments are query parameters under their own names, flags under their names with two dashes before them. A flag without a value is written without =. The answer to a command that failed is status 200 with an alert.",
            ],
            "servers": [["url": "/api/v1"]],
            "security": [["basic": []], ["apiKey": []]],
            "tags": .array(tags()),
            "paths": .object(
                table.commands.map {
                    .init("/" + $0.words.joined(separator: "/"), path($0))
                }),
            "components": [
                "securitySchemes": [
                    "basic": [
                        "type": "http", "scheme": "basic",
                        "description": "The API key is the user name. The password is not looked at.",
                    ],
                    "apiKey": ["type": "apiKey", "in": "header", "name": "x-api-key"],
                ],
                "schemas": Self.schemas,
                "responses": Self.responses,
            ],
        ]
    }

    private func tags() -> [JSONValue] {
        table.subcommands(of: []).map { ["name": .string($0.word), "description": .string($0.summary)] }
    }

    private func path(_ command: AdminCommand) -> JSONValue {
        var members = [JSONValue.Member("get", operation(command, isPost: false))]
        if command.effect != .reads { members.append(.init("post", operation(command, isPost: true))) }
        return .object(members)
    }

    private func operation(_ command: AdminCommand, isPost: Bool) -> JSONValue {
        var description = command.details
        if command.effect != .reads, !isPost {
            description += (description.isEmpty ? "" : "\n") + "It changes something: better call it by POST."
        }
        var members: [JSONValue.Member] = [
            .init("operationId", .string((isPost ? "post-" : "") + command.words.joined(separator: "-"))),
            .init("summary", .string(command.summary)),
        ]
        if !description.isEmpty { members.append(.init("description", .string(description))) }
        members += [
            .init("tags", .array(command.words.prefix(1).map { .string($0) })),
            .init("parameters", .array(parameters(command))),
        ]
        if command.isStreaming { members.append(.init("x-streaming", true)) }
        members.append(
            .init(
                "responses",
                [
                    "200": ["$ref": "#/components/responses/Result"],
                    "400": ["$ref": "#/components/responses/NotUnderstood"],
                    "401": ["$ref": "#/components/responses/NotAuthorized"],
                    "406": ["$ref": "#/components/responses/NotAcceptable"],
                    "429": ["$ref": "#/components/responses/TooManyAttempts"],
                    "500": ["$ref": "#/components/responses/Failure"],
                    "503": ["$ref": "#/components/responses/Busy"],
                ]))
        return .object(members)
    }

    private func parameters(_ command: AdminCommand) -> [JSONValue] {
        var parameters: [JSONValue] = []
        switch command.rule {
        case .named:
            parameters += command.arguments.map { argument in
                [
                    "name": .string(argument.name), "in": "query", "required": .boolean(argument.isRequired),
                    "description": .string(argument.help), "schema": Self.schema(argument.type, nil),
                ]
            }
        case .assignments, .settingNames:
            let values: JSONValue =
                command.rule == .assignments ? ["type": "string"] : ["type": "string", "maxLength": 0]
            parameters.append([
                "name": "settings", "in": "query", "required": true, "style": "form", "explode": true,
                "description": .string(
                    command.rule == .assignments
                        ? "A query parameter for each setting: max_inflight_messages=50."
                        : "A query parameter without a value for each setting: max_inflight_messages."),
                "schema": ["type": "object", "minProperties": 1, "additionalProperties": values],
            ])
        }
        return parameters + (command.flags + Self.confirmation(command)).map(Self.parameter)
    }

    private static func confirmation(_ command: AdminCommand) -> [Flag] {
        command.effect == .destroys ? GlobalOptions.flags.filter { $0.name == "yes" } : []
    }

    private static func parameter(_ flag: Flag) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string("--" + flag.name)), .init("in", "query"), .init("required", false),
            .init("description", .string(flag.help)),
        ]
        if flag.value != .required { members.append(.init("allowEmptyValue", true)) }
        let schema = flag.value == .never ? ["type": "boolean"] : schema(flag.type, flag.defaultValue)
        members.append(.init("schema", schema))
        return .object(members)
    }

    /// The schema of a value.
    static func schema(_ type: ValueType, _ defaultValue: String?) -> JSONValue {
        var members: [JSONValue.Member]
        var standard = defaultValue.map { JSONValue.string($0) }
        switch type {
        case .text, .file: members = [.init("type", "string")]
        case .boolean:
            members = [.init("type", "boolean")]
            standard = defaultValue.map { .boolean($0 == "true") }
        case .choice(let words):
            members = [.init("type", "string"), .init("enum", .array(words.map { .string($0) }))]
        case .list:
            members = [.init("type", "string"), .init("description", "Values with commas between them.")]
        case .integer(let range, let words):
            var number: [JSONValue.Member] = [.init("type", "integer")]
            if range.lowerBound != .min { number.append(.init("minimum", .integer(range.lowerBound))) }
            if range.upperBound != .max { number.append(.init("maximum", .integer(range.upperBound))) }
            if words.isEmpty {
                members = number
            } else {
                let other: JSONValue = ["type": "string", "enum": .array(words.map { .string($0) })]
                members = [.init("oneOf", [.object(number), other])]
            }
            standard = defaultValue.map { text in Int(text).map { .integer($0) } ?? .string(text) }
        }
        if let standard { members.append(.init("default", standard)) }
        return .object(members)
    }

    private static let responses: JSONValue = [
        "Result": [
            "description": "What the command says.",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Result"]]],
        ],
        "NotUnderstood": ["description": "There is no such command, or it does not take these parameters."],
        "NotAuthorized": ["description": "The API key is missing, unknown, expired or has another scope."],
        "NotAcceptable": ["description": "The header Accept does not take application/json."],
        "TooManyAttempts": [
            "description": "Too many wrong API keys came from this address.",
            "headers": ["Retry-After": ["schema": ["type": "integer"], "description": "Seconds."]],
        ],
        "Failure": ["description": "The broker could not carry the command out."],
        "Busy": [
            "description":
                "As many long answers, or as many traces, are being sent as may be at the same time. Nothing was done."
        ],
    ]

    private static let schemas: JSONValue = [
        "Result": [
            "description": "One element alone, or an array of several or none.",
            "oneOf": [
                ["$ref": "#/components/schemas/Element"],
                ["type": "array", "items": ["$ref": "#/components/schemas/Element"]],
            ],
        ],
        "Element": [
            "oneOf": [
                ["$ref": "#/components/schemas/Text"], ["$ref": "#/components/schemas/Table"],
                ["$ref": "#/components/schemas/List"], ["$ref": "#/components/schemas/Alert"],
            ]
        ],
        "Text": [
            "type": "object", "required": ["text", "type"],
            "properties": ["text": ["type": "string"], "type": ["const": "text"]],
        ],
        "Table": [
            "type": "object", "required": ["table", "type"],
            "properties": [
                "table": [
                    "type": "array",
                    "items": [
                        "type": "object",
                        "additionalProperties": ["type": ["string", "integer", "number", "boolean", "null"]],
                    ],
                ],
                "more": [
                    "type": "array", "items": ["$ref": "#/components/schemas/Element"],
                    "description": "What the command said after a table of more than a megabyte.",
                ],
                "type": ["const": "table"],
            ],
        ],
        "List": [
            "type": "object", "required": ["list", "type"],
            "properties": [
                "list": ["type": "array", "items": ["type": "string"]], "title": ["type": "string"],
                "type": ["const": "list"],
            ],
        ],
        "Alert": [
            "type": "object", "required": ["alert", "type"],
            "properties": [
                "alert": ["type": "array", "items": ["$ref": "#/components/schemas/Element"]],
                "type": ["const": "alert"],
            ],
        ],
    ]
}
