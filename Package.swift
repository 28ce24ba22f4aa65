// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target of ours.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    // Spells out `any` wherever a call goes through an existential: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // An import is private to its file unless it says otherwise: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A member comes only from a module this file imports: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // `nonisolated async` runs where its caller runs: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // Lets our own types borrow bytes without owning them: https://github.com/swiftlang/swift-evolution/blob/main/proposals/0446-non-escapable.md
    .enableExperimentalFeature("Lifetimes"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0443-warning-control-flags.md
    .treatAllWarnings(as: .error),
    // Debug builds, and so all tests, check each access to a class's property for overlap; in release these checks were
    // 17 % of the cost of a message (docs/adr/0009-exclusivity-checks-in-debug-only.md).
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// For every module without C in it: each unsafe expression says `unsafe` and can be counted.
/// https://github.com/swiftlang/swift-evolution/blob/main/proposals/0458-strict-memory-safety.md
let safe: [SwiftSetting] = strict + [.strictMemorySafety()]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "vernemq",
    products: [.executable(name: "vernemq", targets: ["vernemq"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // ── system ──
        .target(name: "CSystem"),
        .systemLibrary(
            name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLevelDB", providers: [.apt(["libleveldb-dev"])]),

        // ── libraries: no broker in them ──
        .target(name: "Primitives", dependencies: ["CSystem"], swiftSettings: safe),
        .target(name: "BrokerMetrics", dependencies: ["Primitives"], swiftSettings: safe),
        .target(name: "BrokerLog", dependencies: ["Primitives", logging], swiftSettings: safe),
        .target(name: "BrokerConfig", swiftSettings: safe),
        .target(name: "MQTTCodec", dependencies: ["Primitives"], swiftSettings: safe),

        // ── the path ──
        .target(name: "Transport", dependencies: ["CSystem", "Primitives", logging], swiftSettings: strict),
        .target(
            name: "BrokerCore",
            dependencies: [
                "Primitives", "BrokerMetrics", "BrokerLog", "MQTTCodec", logging,
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: safe),
        .target(
            name: "Listeners",
            dependencies: [
                "Primitives", "BrokerMetrics", "BrokerLog", "MQTTCodec", "Transport", "BrokerCore", logging,
            ],
            swiftSettings: safe),

        // ── rooms ──
        .target(name: "Exporters", dependencies: ["BrokerMetrics"], swiftSettings: safe),
        .target(
            name: "HTTPServer",
            dependencies: ["CMicroHTTPD", "CZlib", "CSystem", "Primitives", "BrokerLog", logging],
            swiftSettings: strict),

        .target(
            name: "Storage",
            dependencies: [
                "CLevelDB", "CSystem", "Primitives", "BrokerMetrics", "BrokerLog", "MQTTCodec", "BrokerCore",
                logging,
            ],
            swiftSettings: strict),

        // ── executables ──
        .executableTarget(
            name: "vernemq",
            dependencies: [
                "Primitives", "BrokerMetrics", "BrokerLog", "BrokerConfig", "MQTTCodec", "Transport",
                "BrokerCore",
                "Listeners", "Exporters", "HTTPServer", "Storage", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: safe),

        // ── tests ──
        .testTarget(
            name: "PrimitivesTests", dependencies: ["Primitives", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BrokerMetricsTests", dependencies: ["BrokerMetrics", "Primitives"], swiftSettings: strict),
        .testTarget(name: "BrokerConfigTests", dependencies: ["BrokerConfig"], swiftSettings: strict),
        .testTarget(
            name: "BrokerLogTests", dependencies: ["BrokerLog", "Primitives", logging], swiftSettings: strict),
        .testTarget(
            name: "MQTTCodecTests", dependencies: ["MQTTCodec", "Primitives", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "TransportTests", dependencies: ["Transport", "Primitives", logging], swiftSettings: strict),
        .testTarget(
            name: "BrokerCoreTests",
            dependencies: ["BrokerCore", "BrokerMetrics", "MQTTCodec", "Primitives", "TestSupport", logging],
            swiftSettings: strict),
        .testTarget(
            name: "ExportersTests", dependencies: ["Exporters", "BrokerMetrics"], swiftSettings: strict),
        .testTarget(
            name: "HTTPServerTests", dependencies: ["HTTPServer", "CZlib"],
            swiftSettings: strict),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Storage", "CLevelDB", "BrokerCore", "BrokerMetrics", "MQTTCodec", "Primitives",
                "TestSupport",
                logging,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Listeners", "BrokerCore", "BrokerMetrics", "Exporters", "MQTTCodec", "Transport",
                "Primitives", "Storage",
                "TestSupport", logging,
            ],
            swiftSettings: strict),
        .target(
            name: "TestSupport",
            dependencies: ["MQTTCodec", "Primitives"],
            path: "Tests/TestSupport", swiftSettings: strict),
    ]
)
