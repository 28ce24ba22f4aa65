extension SettingsTable {
    /// What the SQL databases have in common.
    private struct SQL {
        let name: String
        let title: String
        let port: String
        let hashes: [String]
        let hash: String
        var ssl: String?
        var traits: Setting.Traits = []
    }

    private static let sql = [
        SQL(
            name: "postgres", title: "PostgreSQL", port: "5432", hashes: ["crypt", "bcrypt"], hash: "crypt",
            ssl: "off"),
        SQL(
            name: "cockroachdb", title: "CockroachDB", port: "5432", hashes: ["sha256", "bcrypt"],
            hash: "bcrypt",
            ssl: "on"),
        SQL(
            name: "mysql", title: "MySQL", port: "3306", hashes: ["password", "md5", "sha1", "sha256"],
            hash: "password"),
        SQL(
            name: "mysql2", title: "MySQL 8", port: "3306", hashes: ["password", "md5", "sha1", "sha256"],
            hash: "sha256", ssl: "off", traits: .new),
    ]

    static let databases = SettingGroup(
        "Databases", status: .notYet(.harmless),
        sql.flatMap(settings(of:)) + mongodb + redis + [
            Setting("vmq_diversity.memcache.host", .text, "localhost", meaning: "Memcached server"),
            Setting("vmq_diversity.memcache.port", .port, "11211", meaning: "its port"),
        ])

    private static func authentication(_ name: String, _ title: String, _ traits: Setting.Traits = [])
        -> [Setting]
    {
        [
            Setting(
                "vmq_diversity.auth_\(name).enabled", .flag, "off", traits,
                status: .notYet(protects: .database),
                meaning: "authenticate clients with \(title)", mainSwitch: "plugins.vmq_diversity"),
            Setting(
                "vmq_diversity.auth_\(name).script", .file, "./share/lua/auth/\(name).lua",
                traits.union(.hidden),
                meaning: "script that does it"),
        ]
    }

    private static func settings(of base: SQL) -> [Setting] {
        let prefix = "vmq_diversity.\(base.name)"
        let plain: [Setting] = [
            Setting("\(prefix).host", .text, "localhost", base.traits, meaning: "\(base.title) server"),
            Setting("\(prefix).port", .port, base.port, base.traits, meaning: "its port"),
            Setting("\(prefix).user", .text, "root", base.traits, meaning: "user there"),
            Setting(
                "\(prefix).password", .text, "password", base.traits.union(.secret), meaning: "password there"
            ),
            Setting("\(prefix).database", .text, "vernemq_db", base.traits, meaning: "database there"),
            Setting(
                "\(prefix).pool_size", .integer(1...Int.max), "5", base.traits.union(.hidden),
                meaning: "connections to \(base.title)"),
            Setting(
                "\(prefix).password_hash_method", .choice(base.hashes), base.hash, base.traits,
                meaning: "how passwords are hashed in the table"),
        ]
        let secure = base.ssl.map { tls(prefix, title: base.title, enabled: $0, base.traits) } ?? []
        return authentication(base.name, base.title, base.traits) + plain + secure
    }

    private static func tls(
        _ prefix: String, title: String, enabled: String, _ traits: Setting.Traits = []
    ) -> [Setting] {
        [
            Setting("\(prefix).ssl", .flag, enabled, traits, meaning: "reach \(title) over TLS"),
            Setting("\(prefix).cafile", .file, "", traits, meaning: "certificates that are trusted (PEM)"),
            Setting("\(prefix).certfile", .file, "", traits, meaning: "own certificate (PEM)"),
            Setting("\(prefix).keyfile", .file, "", traits, meaning: "own key (PEM)"),
            Setting(
                "\(prefix).ssl.depth", .count, "3", [.hidden, .new], meaning: "longest chain of certificates"),
            Setting(
                "\(prefix).ssl.customize_hostname_check", .choice(["https"]), "https", .new,
                meaning: "wildcards in certificates as in HTTPS"),
            Setting(
                "\(prefix).ssl.verify", .choice(["verify_none", "verify_peer"]), "verify_peer", .new,
                meaning: "check the server's certificate"),
            Setting(
                "\(prefix).ssl.use_system_cas", .flag, "on", .new, meaning: "trust what the system trusts"),
        ]
    }

    private static let readPreferences = [
        "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest",
    ]

    private static let mongodb =
        authentication("mongodb", "MongoDB") + [
            Setting("vmq_diversity.mongodb.host", .text, "localhost", meaning: "MongoDB server"),
            Setting(
                "vmq_diversity.mongodb.srv", .text, "", .hidden,
                meaning: "DNS service name in place of host and port"),
            Setting("vmq_diversity.mongodb.port", .port, "27017", meaning: "its port"),
            Setting("vmq_diversity.mongodb.login", .text, nil, meaning: "user there"),
            Setting("vmq_diversity.mongodb.password", .text, nil, .secret, meaning: "password there"),
            Setting(
                "vmq_diversity.mongodb.auth_source", .text, "admin", meaning: "database that knows the user"),
            Setting("vmq_diversity.mongodb.database", .text, nil, meaning: "database there"),
            Setting(
                "vmq_diversity.mongodb.pool_size", .integer(1...Int.max), "5", .hidden,
                meaning: "connections to MongoDB"),
            Setting(
                "vmq_diversity.mongodb.w_mode", .atom, "safe", .hidden,
                meaning: "whether writes are confirmed"),
            Setting(
                "vmq_diversity.mongodb.read_preference", .choice(readPreferences), "primaryPreferred",
                .hidden,
                meaning: "which member of a replica set is read"),
            Setting(
                "vmq_diversity.mongodb.ssl.sni", .text, nil, [.hidden, .new],
                meaning: "server name told in TLS"),
        ] + tls("vmq_diversity.mongodb", title: "MongoDB", enabled: "off")

    private static let redis =
        authentication("redis", "Redis") + [
            Setting("vmq_diversity.redis.host", .text, "localhost", meaning: "Redis server"),
            Setting("vmq_diversity.redis.port", .port, "6379", meaning: "its port"),
            Setting("vmq_diversity.redis.password", .text, "", .secret, meaning: "password there"),
            Setting("vmq_diversity.redis.user", .text, "", meaning: "user there"),
            Setting("vmq_diversity.redis.database", .count, "0", meaning: "database there"),
            Setting(
                "vmq_diversity.redis.pool_size", .integer(1...Int.max), "5", .hidden,
                meaning: "connections to Redis"),
        ]
}
