import MQTTCodec
import Primitives

extension Properties {
    /// The properties under VerneMQ's names.
    ///
    /// Erlang's maps have an order of their own. The first eleven names below stand as the recorded traces have them,
    /// the others, which are in none, as the standard lists them.
    func term(style: TraceStyle) -> ErlangTerm {
        // One more than is shown, so that it is seen that some are not.
        let count = style.listCount + 1
        var entries: [ErlangTerm.Entry] = []
        func add(_ name: String, _ value: ErlangTerm?) {
            if let value { entries.append(.init(name, value)) }
        }
        if !self.userProperties.isEmpty {
            add(
                "p_user_property",
                .list(self.userProperties.prefix(count).map { .tuple([.text($0.name), .text($0.value)]) }))
        }
        add("p_content_type", self.contentType.map(ErlangTerm.text))
        if !self.subscriptionIdentifiers.isEmpty {
            add(
                "p_subscription_id",
                .list(self.subscriptionIdentifiers.prefix(count).map { .integer(Int64($0)) }))
        }
        add("p_receive_max", number(self.receiveMaximum))
        add("p_request_problem_info", flag(self.requestProblemInformation))
        add("p_session_expiry_interval", number(self.sessionExpiryInterval))
        add("p_topic_alias_max", number(self.topicAliasMaximum))
        add("p_message_expiry_interval", number(self.messageExpiryInterval))
        add("p_correlation_data", self.correlationData.map(ErlangTerm.binary))
        add("p_response_topic", self.responseTopic.map(ErlangTerm.text))
        add("p_will_delay_interval", number(self.willDelayInterval))
        add(
            "p_payload_format_indicator",
            self.payloadFormatIndicator.map { .atom($0 == 1 ? "utf8" : "unspecified") })
        add("p_assigned_client_id", self.assignedClientIdentifier.map(ErlangTerm.text))
        add("p_server_keep_alive", number(self.serverKeepAlive))
        add("p_authentication_method", self.authenticationMethod.map(ErlangTerm.text))
        add(
            "p_authentication_data",
            self.authenticationData.map {
                style.showsAuthenticationData ? .binary($0) : .atom("data_no_print")
            })
        add("p_request_response_info", flag(self.requestResponseInformation))
        add("p_response_info", self.responseInformation.map(ErlangTerm.text))
        add("p_server_ref", self.serverReference.map(ErlangTerm.text))
        add("p_reason_string", self.reasonString.map(ErlangTerm.text))
        add("p_topic_alias", number(self.topicAlias))
        add("p_max_qos", number(self.maximumQoS))
        add("p_retain_available", flag(self.retainAvailable))
        add("p_max_packet_size", number(self.maximumPacketSize))
        add("p_wildcard_subs_available", flag(self.wildcardSubscriptionAvailable))
        add("p_sub_ids_available", flag(self.subscriptionIdentifiersAvailable))
        add("p_shared_subs_available", flag(self.sharedSubscriptionAvailable))
        return .map(entries)
    }

    private func number(_ value: (some BinaryInteger)?) -> ErlangTerm? {
        value.map { .integer(Int64($0)) }
    }

    private func flag(_ value: UInt8?) -> ErlangTerm? {
        value.map { .boolean($0 != 0) }
    }
}
