/// How the catalogue's rows are written: short constructors that turn enum cases into word indexes.

extension Counter {
    /// The word of this counter in a block.
    public var word: Int { rawValue }
}

extension VersionedCounter {
    /// The index of the word in a block that counts packets of this MQTT version.
    public func word(_ version: VersionLabel) -> Int {
        MetricLayout.versioned + rawValue * 2 + version.rawValue
    }
}

extension PacketReasonCounter {
    /// The index of the word in a block that counts packets of this MQTT version with this reason or return
    /// code.
    public func word(_ version: VersionLabel, code: UInt8) -> Int {
        MetricLayout.packetReason + (rawValue * 2 + version.rawValue) * 256 + Int(code)
    }

    /// The words of all codes but those in `excluded`.
    public func words(_ version: VersionLabel, except excluded: [ReasonCodeLabels.Code] = []) -> [Int] {
        (UInt8.min...UInt8.max)
            .filter { code in !excluded.contains { $0.code == code } }
            .map { word(version, code: $0) }
    }
}

extension PublicationOrigin {
    /// The index of the word that counts messages of this origin that were routed.
    public var messagesWord: Int { MetricLayout.origin + rawValue * 2 }
    /// The index of the word that counts the copies that were made of them.
    public var copiesWord: Int { MetricLayout.origin + rawValue * 2 + 1 }
}

extension DropReason {
    /// The index of this reason's word in a block.
    public var word: Int { MetricLayout.drop + rawValue }
}

extension RejectReason {
    /// The index of this reason's word in a block.
    public var word: Int { MetricLayout.reject + rawValue }
}

extension TLSVersion {
    /// The index of the word that counts the connections opened.
    public var openedWord: Int { MetricLayout.tls + rawValue * 2 }
    /// The index of the word that counts the connections that are open.
    public var openWord: Int { MetricLayout.tls + rawValue * 2 + 1 }
}

extension CloseReason {
    /// The index of this reason's word in a block.
    public var word: Int { MetricLayout.close + rawValue }
}

extension LoopGauge {
    /// The index of this gauge's word in a block.
    public var word: Int { MetricLayout.gauge + rawValue }
}

extension LoopHistogram {
    /// The first bucket's word.
    public var word: Int { MetricLayout.histogram + rawValue * LogLinearBuckets.wordCount }
}

extension MetricFamily {
    /// A counter of VerneMQ without labels: the sum of `counters`.
    static func verne(_ name: String, _ unit: MetricUnit, _ counters: Counter..., help: String)
        -> MetricFamily
    {
        let source = counters.isEmpty ? MetricSource.zero : .words(counters.map(\.word), .integer)
        return single(name, .counter, unit, .verneMQCounter, source, help: help)
    }

    /// A counter of messages of VerneMQ that follows from the ledger.
    static func verne(_ name: String, sumOf words: [Int], help: String) -> MetricFamily {
        single(name, .counter, .messages, .verneMQCounter, .words(words, .integer), help: help)
    }

    /// A counter of VerneMQ by MQTT version. VerneMQ has no series of a version in `hidden`.
    static func versioned(
        _ name: String, _ unit: MetricUnit, _ counter: VersionedCounter, hidden: [VersionLabel] = [],
        help: String
    ) -> MetricFamily {
        MetricFamily(
            name: name, kind: .counter, unit: unit, labelNames: ["mqtt_version"], help: help,
            heritage: .verneMQCounter,
            series: VersionLabel.allCases.map { version in
                MetricSeries(
                    [MetricLabel("mqtt_version", version.label)], .words([counter.word(version)], .integer),
                    isHiddenWhenZero: hidden.contains(version))
            })
    }

    /// A counter of VerneMQ by version and, for MQTT 5, reason code. `v4` says what 3.1.1 shows.
    static func byReason(
        _ name: String, _ counter: PacketReasonCounter, _ codes: [ReasonCodeLabels.Code],
        v4: VersionFour = .total, help: String
    ) -> MetricFamily {
        let four = MetricLabel("mqtt_version", VersionLabel.v4.label)
        let five = MetricLabel("mqtt_version", VersionLabel.v5.label)
        var series: [MetricSeries] = []
        switch v4 {
        case .total: series.append(MetricSeries([four], .words(counter.words(.v4), .integer)))
        case .absent:
            series.append(MetricSeries([four], .words(counter.words(.v4), .integer), isHiddenWhenZero: true))
        case .returnCodes(let codes): series += coded(counter, .v4, four, "return_code", codes)
        }
        series += coded(counter, .v5, five, "reason_code", codes)
        var labelNames = ["mqtt_version", "reason_code"]
        if case .returnCodes = v4 { labelNames.insert("return_code", at: 1) }
        return MetricFamily(
            name: name, kind: .counter, unit: .packets, labelNames: labelNames, help: help,
            heritage: .verneMQCounter, series: series)
    }

    /// What a counter by reason code shows for MQTT 3.1 and 3.1.1.
    enum VersionFour {
        case total
        /// VerneMQ has no such series: shown only when it is not 0.
        case absent
        case returnCodes([ReasonCodeLabels.Code])
    }

    private static func coded(
        _ counter: PacketReasonCounter, _ version: VersionLabel, _ versionLabel: MetricLabel,
        _ labelName: String,
        _ codes: [ReasonCodeLabels.Code]
    ) -> [MetricSeries] {
        codes.map { code in
            MetricSeries(
                [versionLabel, MetricLabel(labelName, code.label)],
                .words([counter.word(version, code: code.code)], .integer))
        } + [
            MetricSeries(
                [versionLabel, MetricLabel(labelName, "other")],
                .words(counter.words(version, except: codes), .integer), isHiddenWhenZero: true)
        ]
    }

    /// A name of VerneMQ that was given up and stays at 0.
    static func legacyConnack(_ name: String, help: String) -> MetricFamily {
        MetricFamily(
            name: name, kind: .counter, unit: .packets, labelNames: ["mqtt_version"], help: help,
            heritage: .verneMQCounter,
            series: [MetricSeries([MetricLabel("mqtt_version", VersionLabel.v4.label)], .zero)])
    }

    /// One series without labels, or one source that brings its own.
    static func single(
        _ name: String, _ kind: MetricKind, _ unit: MetricUnit, _ heritage: MetricHeritage,
        _ source: MetricSource,
        help: String
    ) -> MetricFamily {
        let labelNames: [String] =
            switch source {
            case .perLoop, .loopStalled: ["loop"]
            case .buildInfo: ["version"]
            default: []
            }
        return MetricFamily(
            name: name, kind: kind, unit: unit, labelNames: labelNames, help: help, heritage: heritage,
            series: [MetricSeries([], source)])
    }

    /// A counter of ours: the sum over all loops.
    static func own(_ name: String, _ unit: MetricUnit, _ counter: Counter, help: String) -> MetricFamily {
        single(name, .counter, unit, .own, .words([counter.word], .integer), help: help)
    }

    /// A gauge of ours: the sum over all loops.
    static func own(_ name: String, _ unit: MetricUnit, _ gauge: LoopGauge, help: String) -> MetricFamily {
        single(name, .gauge, unit, .own, .words([gauge.word], .integer), help: help)
    }

    /// A counter of ours with a line for each loop.
    static func perLoop(
        _ name: String, _ unit: MetricUnit, _ counter: Counter, _ scale: MetricScale = .integer, help: String
    ) -> MetricFamily {
        single(name, .counter, unit, .own, .perLoop(counter.word, scale), help: help)
    }

    /// A gauge of ours with a line for each loop.
    static func perLoop(
        _ name: String, _ unit: MetricUnit, _ gauge: LoopGauge, _ scale: MetricScale = .integer, help: String
    ) -> MetricFamily {
        single(name, .gauge, unit, .own, .perLoop(gauge.word, scale), help: help)
    }

    /// A family of ours with one label.
    static func labelled(
        _ name: String, _ kind: MetricKind, _ unit: MetricUnit, by label: String, _ words: [(String, Int)],
        help: String
    ) -> MetricFamily {
        MetricFamily(
            name: name, kind: kind, unit: unit, labelNames: [label], help: help, heritage: .own,
            series: words.map { MetricSeries([MetricLabel(label, $0.0)], .words([$0.1], .integer)) })
    }
}
