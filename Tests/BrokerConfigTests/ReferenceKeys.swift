/// The keys of VerneMQ 2.x, and those of 1.x that 2.x no longer has. A word with `$` is free.
enum ReferenceKeys {
    static let vernemq2 = split(
        """
        allow_anonymous allow_publish_during_netsplit allow_register_during_netsplit
        allow_subscribe_during_netsplit allow_unsubscribe_during_netsplit cluster_ready_rpc_timeout
        coordinate_registrations crl_refresh_interval default_reg_view default_schema_dir
        disconnect_on_unauthorized_publish_v3 distributed_cookie erlang.K erlang.W erlang.async_threads
        erlang.async_threads.stack_size erlang.crash_dump erlang.distribution.interface
        erlang.distribution.net_ticktime erlang.distribution.port_range.maximum
        erlang.distribution.port_range.minimum erlang.distribution_buffer_size erlang.fullsweep_after
        erlang.max_ets_tables erlang.max_ports erlang.process_limit erlang.schedulers.compaction_of_load
        erlang.schedulers.force_wakeup_interval erlang.schedulers.online erlang.schedulers.total
        erlang.schedulers.utilization_balancing erlang.smp expire_retain_cache fanout.async_handoff
        fanout.shard_count graphite_api_key graphite_connect_timeout graphite_enabled graphite_host
        graphite_include_labels graphite_interval graphite_port graphite_prefix graphite_reconnect_timeout
        http_module.$name.auth.mode http_module.vmq_http_mgmt_api.auth.mode
        http_module.vmq_http_pub.auth.mode http_module.vmq_http_v2_api.auth.mode http_modules
        incoming_clustering_buffer_size leveldb.block.restart_interval leveldb.block.size
        leveldb.block.size_steps leveldb.block_cache_threshold leveldb.bloomfilter
        leveldb.cache_object_warming leveldb.compaction.trigger.tombstone_count leveldb.compression
        leveldb.compression.algorithm leveldb.data_root leveldb.expiration leveldb.expiration.mode
        leveldb.expiration.retention_time leveldb.fadvise_willneed leveldb.limited_developer_mem
        leveldb.maximum_memory leveldb.maximum_memory.percent leveldb.sync_on_write leveldb.threads
        leveldb.tiered leveldb.tiered.path.fast leveldb.tiered.path.slow leveldb.verify_checksums
        leveldb.verify_compaction leveldb.write_buffer_size_max leveldb.write_buffer_size_min
        listener.http.$name listener.http.$name.config_fun listener.http.$name.config_mod
        listener.http.$name.http_module.$module.auth.mode listener.http.$name.http_modules
        listener.http.$name.http_modules.vmq_http_pub.mountpoint
        listener.http.$name.http_modules.vmq_http_pub.mqtt_auth.auth_plugin
        listener.http.$name.http_modules.vmq_http_pub.mqtt_auth.client_id
        listener.http.$name.http_modules.vmq_http_pub.mqtt_auth.mode
        listener.http.$name.http_modules.vmq_http_pub.mqtt_auth.password
        listener.http.$name.http_modules.vmq_http_pub.mqtt_auth.user listener.http.$name.max_connections
        listener.http.$name.max_header_value_length listener.http.$name.max_request_line_length
        listener.http.$name.nr_of_acceptors listener.http.$name.proxy_protocol
        listener.http.$name.proxy_protocol_use_cn_as_username listener.http.max_connections
        listener.http.nr_of_acceptors listener.http.proxy_protocol
        listener.http.proxy_protocol_use_cn_as_username listener.https.$name listener.https.$name.cafile
        listener.https.$name.certfile listener.https.$name.ciphers listener.https.$name.config_fun
        listener.https.$name.config_mod listener.https.$name.crlfile listener.https.$name.depth
        listener.https.$name.eccs listener.https.$name.http_module.$module.auth.mode
        listener.https.$name.http_modules listener.https.$name.http_modules.vmq_http_pub.mountpoint
        listener.https.$name.http_modules.vmq_http_pub.mqtt_auth.auth_plugin
        listener.https.$name.http_modules.vmq_http_pub.mqtt_auth.client_id
        listener.https.$name.http_modules.vmq_http_pub.mqtt_auth.mode
        listener.https.$name.http_modules.vmq_http_pub.mqtt_auth.password
        listener.https.$name.http_modules.vmq_http_pub.mqtt_auth.user listener.https.$name.keyfile
        listener.https.$name.keypasswd listener.https.$name.max_connections
        listener.https.$name.max_header_value_length listener.https.$name.max_request_line_length
        listener.https.$name.nr_of_acceptors listener.https.$name.require_certificate
        listener.https.$name.tls_handshake_timeout listener.https.$name.tls_version listener.https.cafile
        listener.https.certfile listener.https.ciphers listener.https.crlfile listener.https.depth
        listener.https.eccs listener.https.keyfile listener.https.keypasswd listener.https.max_connections
        listener.https.nr_of_acceptors listener.https.require_certificate
        listener.https.tls_handshake_timeout listener.https.tls_version listener.max_connection_lifetime
        listener.max_connections listener.mountpoint listener.nr_of_acceptors listener.ssl.$name
        listener.ssl.$name.active_n listener.ssl.$name.allow_anonymous_override
        listener.ssl.$name.allowed_protocol_versions listener.ssl.$name.auth_plugins
        listener.ssl.$name.authz_plugins listener.ssl.$name.buffer_sizes listener.ssl.$name.cafile
        listener.ssl.$name.certfile listener.ssl.$name.ciphers listener.ssl.$name.crlfile
        listener.ssl.$name.depth listener.ssl.$name.eccs listener.ssl.$name.forward_connection_opts
        listener.ssl.$name.keyfile listener.ssl.$name.keypasswd listener.ssl.$name.max_connection_lifetime
        listener.ssl.$name.max_connections listener.ssl.$name.mountpoint listener.ssl.$name.nr_of_acceptors
        listener.ssl.$name.psk_identity_hint listener.ssl.$name.psk_support
        listener.ssl.$name.require_certificate listener.ssl.$name.tls_handshake_timeout
        listener.ssl.$name.tls_version listener.ssl.$name.use_identity_as_username listener.ssl.active_n
        listener.ssl.allowed_protocol_versions listener.ssl.buffer_sizes listener.ssl.cafile
        listener.ssl.certfile listener.ssl.ciphers listener.ssl.crlfile listener.ssl.depth listener.ssl.eccs
        listener.ssl.forward_connection_opts listener.ssl.keyfile listener.ssl.keypasswd
        listener.ssl.max_connection_lifetime listener.ssl.max_connections listener.ssl.mountpoint
        listener.ssl.nr_of_acceptors listener.ssl.psk_identity_hint listener.ssl.psk_support
        listener.ssl.pskfile listener.ssl.pskfile_separator listener.ssl.require_certificate
        listener.ssl.tls_handshake_timeout listener.ssl.tls_version listener.ssl.use_identity_as_username
        listener.tcp.$name listener.tcp.$name.active_n listener.tcp.$name.allow_anonymous_override
        listener.tcp.$name.allowed_protocol_versions listener.tcp.$name.auth_plugins
        listener.tcp.$name.authz_plugins listener.tcp.$name.buffer_sizes
        listener.tcp.$name.forward_connection_opts listener.tcp.$name.max_connection_lifetime
        listener.tcp.$name.max_connections listener.tcp.$name.mountpoint listener.tcp.$name.nr_of_acceptors
        listener.tcp.$name.proxy_protocol listener.tcp.$name.proxy_protocol_use_cn_as_username
        listener.tcp.active_n listener.tcp.allowed_protocol_versions listener.tcp.buffer_sizes
        listener.tcp.forward_connection_opts listener.tcp.max_connection_lifetime
        listener.tcp.max_connections listener.tcp.mountpoint listener.tcp.nr_of_acceptors
        listener.tcp.proxy_protocol listener.tcp.proxy_protocol_use_cn_as_username listener.vmq.$name
        listener.vmq.$name.buffer_sizes listener.vmq.$name.high_msgq_watermark
        listener.vmq.$name.high_watermark listener.vmq.$name.low_msgq_watermark
        listener.vmq.$name.low_watermark listener.vmq.$name.max_connections listener.vmq.$name.mountpoint
        listener.vmq.$name.nr_of_acceptors listener.vmq.max_connections listener.vmq.mountpoint
        listener.vmq.nr_of_acceptors listener.vmqs.$name listener.vmqs.$name.cafile
        listener.vmqs.$name.certfile listener.vmqs.$name.ciphers listener.vmqs.$name.crlfile
        listener.vmqs.$name.depth listener.vmqs.$name.eccs listener.vmqs.$name.keyfile
        listener.vmqs.$name.keypasswd listener.vmqs.$name.max_connections listener.vmqs.$name.mountpoint
        listener.vmqs.$name.nr_of_acceptors listener.vmqs.$name.require_certificate
        listener.vmqs.$name.tls_handshake_timeout listener.vmqs.$name.tls_version listener.vmqs.cafile
        listener.vmqs.certfile listener.vmqs.ciphers listener.vmqs.crlfile listener.vmqs.depth
        listener.vmqs.eccs listener.vmqs.keyfile listener.vmqs.keypasswd listener.vmqs.max_connections
        listener.vmqs.mountpoint listener.vmqs.nr_of_acceptors listener.vmqs.require_certificate
        listener.vmqs.tls_handshake_timeout listener.vmqs.tls_version listener.ws.$name
        listener.ws.$name.allow_anonymous_override listener.ws.$name.allowed_protocol_versions
        listener.ws.$name.auth_plugins listener.ws.$name.authz_plugins
        listener.ws.$name.forward_connection_opts listener.ws.$name.max_connection_lifetime
        listener.ws.$name.max_connections listener.ws.$name.max_header_value_length
        listener.ws.$name.max_request_line_length listener.ws.$name.mountpoint
        listener.ws.$name.nr_of_acceptors listener.ws.$name.proxy_protocol
        listener.ws.$name.proxy_protocol_use_cn_as_username listener.ws.$name.proxy_xff_cn_header
        listener.ws.$name.proxy_xff_support listener.ws.$name.proxy_xff_trusted_intermediate
        listener.ws.$name.proxy_xff_use_cn_as_username listener.ws.allowed_protocol_versions
        listener.ws.forward_connection_opts listener.ws.max_connection_lifetime listener.ws.max_connections
        listener.ws.mountpoint listener.ws.nr_of_acceptors listener.ws.proxy_protocol
        listener.ws.proxy_protocol_use_cn_as_username listener.ws.proxy_xff_support
        listener.ws.proxy_xff_trusted_intermediate listener.wss.$name
        listener.wss.$name.allow_anonymous_override listener.wss.$name.allowed_protocol_versions
        listener.wss.$name.auth_plugins listener.wss.$name.authz_plugins listener.wss.$name.cafile
        listener.wss.$name.certfile listener.wss.$name.ciphers listener.wss.$name.crlfile
        listener.wss.$name.depth listener.wss.$name.eccs listener.wss.$name.forward_connection_opts
        listener.wss.$name.keyfile listener.wss.$name.keypasswd listener.wss.$name.max_connection_lifetime
        listener.wss.$name.max_connections listener.wss.$name.max_header_value_length
        listener.wss.$name.max_request_line_length listener.wss.$name.mountpoint
        listener.wss.$name.nr_of_acceptors listener.wss.$name.require_certificate
        listener.wss.$name.tls_handshake_timeout listener.wss.$name.tls_version
        listener.wss.$name.use_identity_as_username listener.wss.allowed_protocol_versions
        listener.wss.cafile listener.wss.certfile listener.wss.ciphers listener.wss.crlfile
        listener.wss.depth listener.wss.eccs listener.wss.forward_connection_opts listener.wss.keyfile
        listener.wss.keypasswd listener.wss.max_connection_lifetime listener.wss.max_connections
        listener.wss.mountpoint listener.wss.nr_of_acceptors listener.wss.require_certificate
        listener.wss.tls_handshake_timeout listener.wss.tls_version listener.wss.use_identity_as_username
        log.console log.console.console.format log.console.file log.console.file.format log.console.level
        log.console.rotation.compress_on_rotate log.console.rotation.keep log.console.rotation.size
        log.crash log.crash.file log.crash.rotation.compress_on_rotate log.crash.rotation.keep
        log.crash.rotation.size log.error log.error.file log.error.file.format
        log.error.rotation.compress_on_rotate log.error.rotation.keep log.error.rotation.size log.level
        log.sasl log.sasl.file log.sasl.rotation.compress_on_rotate log.sasl.rotation.keep
        log.sasl.rotation.size log.syslog log.syslog.level log.template logging.keepalive_as_warning
        logging.obfuscation_secret max_apikey_expiry_days max_client_id_size max_drain_time
        max_inflight_messages max_last_will_delay max_message_rate max_message_size max_msgs_per_drain_step
        max_offline_messages max_online_messages max_subscriptions_per_client max_ws_frame_size
        message_store_plugin metadata_plugin min_apikey_length mqtt_connect_timeout nodename
        outgoing_cluster_handshake_ack_timeout outgoing_clustering_buffer_size
        outgoing_clustering_flush_threshold outgoing_connect_options override_max_online_messages
        persistent_client_expiration platform_data_dir plugins.$name plugins.$name.path
        plugins.$name.priority plugins.vmq_acl plugins.vmq_bridge plugins.vmq_diversity plugins.vmq_passwd
        plugins.vmq_webhooks plumtree.directory plumtree.drop_i_have_threshold plumtree.outstanding_limit
        prometheus_namespace queue_deliver_mode queue_sup_sup_children queue_type receive_max_broker
        receive_max_client reg_views remote_enqueue_timeout retry_interval
        runtime_health.thresholds.busy_ports runtime_health.thresholds.busy_processes
        runtime_health.triggers.distribution_port runtime_health.triggers.port
        runtime_health.triggers.process.garbage_collection runtime_health.triggers.process.heap_size
        runtime_health.triggers.process.long_schedule sasl setup.data_dir setup.log_dir
        shared_subscription_policy shared_subscription_timeout_action subscriber_retain_mode
        suppress_lwt_on_session_takeover systree_enabled systree_interval systree_mountpoint systree_qos
        systree_reg_view systree_retain tcp_listen_options topic_alias_max_broker topic_alias_max_client
        topic_max_depth upgrade_outgoing_qos vmq_acl.acl_file vmq_acl.acl_reload_interval
        vmq_bcrypt.default_log_rounds vmq_bcrypt.mechanism vmq_bcrypt.nif_pool_max_overflow
        vmq_bcrypt.nif_pool_size vmq_bcrypt.pool_size vmq_bridge.clique_lead_line vmq_bridge.ssl.$name
        vmq_bridge.ssl.$name.cafile vmq_bridge.ssl.$name.capath vmq_bridge.ssl.$name.certfile
        vmq_bridge.ssl.$name.cleansession vmq_bridge.ssl.$name.client_id
        vmq_bridge.ssl.$name.customize_hostname_check vmq_bridge.ssl.$name.depth
        vmq_bridge.ssl.$name.identity vmq_bridge.ssl.$name.inet_version vmq_bridge.ssl.$name.insecure
        vmq_bridge.ssl.$name.keepalive_interval vmq_bridge.ssl.$name.keyfile
        vmq_bridge.ssl.$name.max_outgoing_buffered_messages vmq_bridge.ssl.$name.mountpoint
        vmq_bridge.ssl.$name.mqtt_version vmq_bridge.ssl.$name.outgoing_batch_size
        vmq_bridge.ssl.$name.password vmq_bridge.ssl.$name.persistent_queue vmq_bridge.ssl.$name.psk
        vmq_bridge.ssl.$name.pubrel_queue_ratio vmq_bridge.ssl.$name.queue_dir
        vmq_bridge.ssl.$name.restart_timeout vmq_bridge.ssl.$name.segment_size vmq_bridge.ssl.$name.sni
        vmq_bridge.ssl.$name.tls_version vmq_bridge.ssl.$name.topic.$topic_id
        vmq_bridge.ssl.$name.try_private vmq_bridge.ssl.$name.username vmq_bridge.tcp.$name
        vmq_bridge.tcp.$name.cleansession vmq_bridge.tcp.$name.client_id vmq_bridge.tcp.$name.inet_version
        vmq_bridge.tcp.$name.keepalive_interval vmq_bridge.tcp.$name.max_outgoing_buffered_messages
        vmq_bridge.tcp.$name.mountpoint vmq_bridge.tcp.$name.mqtt_version
        vmq_bridge.tcp.$name.outgoing_batch_size vmq_bridge.tcp.$name.password
        vmq_bridge.tcp.$name.persistent_queue vmq_bridge.tcp.$name.pubrel_queue_ratio
        vmq_bridge.tcp.$name.queue_dir vmq_bridge.tcp.$name.restart_timeout
        vmq_bridge.tcp.$name.segment_size vmq_bridge.tcp.$name.topic.$topic_id
        vmq_bridge.tcp.$name.try_private vmq_bridge.tcp.$name.username vmq_bridge.tcp.br0.topic.1
        vmq_diversity.$script.file vmq_diversity.auth_cockroachdb.enabled
        vmq_diversity.auth_cockroachdb.script vmq_diversity.auth_mongodb.enabled
        vmq_diversity.auth_mongodb.script vmq_diversity.auth_mysql.enabled vmq_diversity.auth_mysql.script
        vmq_diversity.auth_mysql2.enabled vmq_diversity.auth_mysql2.script
        vmq_diversity.auth_postgres.enabled vmq_diversity.auth_postgres.script
        vmq_diversity.auth_redis.enabled vmq_diversity.auth_redis.script vmq_diversity.clique_lead_line
        vmq_diversity.cockroachdb.cafile vmq_diversity.cockroachdb.certfile
        vmq_diversity.cockroachdb.database vmq_diversity.cockroachdb.host vmq_diversity.cockroachdb.keyfile
        vmq_diversity.cockroachdb.password vmq_diversity.cockroachdb.password_hash_method
        vmq_diversity.cockroachdb.pool_size vmq_diversity.cockroachdb.port vmq_diversity.cockroachdb.ssl
        vmq_diversity.cockroachdb.ssl.customize_hostname_check vmq_diversity.cockroachdb.ssl.depth
        vmq_diversity.cockroachdb.ssl.use_system_cas vmq_diversity.cockroachdb.ssl.verify
        vmq_diversity.cockroachdb.user vmq_diversity.keep_state vmq_diversity.memcache.host
        vmq_diversity.memcache.port vmq_diversity.mongodb.auth_source vmq_diversity.mongodb.cafile
        vmq_diversity.mongodb.certfile vmq_diversity.mongodb.database vmq_diversity.mongodb.host
        vmq_diversity.mongodb.keyfile vmq_diversity.mongodb.login vmq_diversity.mongodb.password
        vmq_diversity.mongodb.pool_size vmq_diversity.mongodb.port vmq_diversity.mongodb.read_preference
        vmq_diversity.mongodb.srv vmq_diversity.mongodb.ssl
        vmq_diversity.mongodb.ssl.customize_hostname_check vmq_diversity.mongodb.ssl.depth
        vmq_diversity.mongodb.ssl.sni vmq_diversity.mongodb.ssl.use_system_cas
        vmq_diversity.mongodb.ssl.verify vmq_diversity.mongodb.w_mode vmq_diversity.mysql.database
        vmq_diversity.mysql.host vmq_diversity.mysql.password vmq_diversity.mysql.password_hash_method
        vmq_diversity.mysql.pool_size vmq_diversity.mysql.port vmq_diversity.mysql.user
        vmq_diversity.mysql2.cafile vmq_diversity.mysql2.certfile vmq_diversity.mysql2.database
        vmq_diversity.mysql2.host vmq_diversity.mysql2.keyfile vmq_diversity.mysql2.password
        vmq_diversity.mysql2.password_hash_method vmq_diversity.mysql2.pool_size vmq_diversity.mysql2.port
        vmq_diversity.mysql2.ssl vmq_diversity.mysql2.ssl.customize_hostname_check
        vmq_diversity.mysql2.ssl.depth vmq_diversity.mysql2.ssl.use_system_cas
        vmq_diversity.mysql2.ssl.verify vmq_diversity.mysql2.user vmq_diversity.nr_lua_states
        vmq_diversity.postgres.cafile vmq_diversity.postgres.certfile vmq_diversity.postgres.database
        vmq_diversity.postgres.host vmq_diversity.postgres.keyfile vmq_diversity.postgres.password
        vmq_diversity.postgres.password_hash_method vmq_diversity.postgres.pool_size
        vmq_diversity.postgres.port vmq_diversity.postgres.ssl
        vmq_diversity.postgres.ssl.customize_hostname_check vmq_diversity.postgres.ssl.depth
        vmq_diversity.postgres.ssl.use_system_cas vmq_diversity.postgres.ssl.verify
        vmq_diversity.postgres.user vmq_diversity.redis.database vmq_diversity.redis.host
        vmq_diversity.redis.password vmq_diversity.redis.pool_size vmq_diversity.redis.port
        vmq_diversity.redis.user vmq_diversity.script_dir vmq_generic_msg_store.db_backend
        vmq_generic_msg_store.nr_of_buckets vmq_generic_msg_store.store_dir vmq_http_pub.mountpoint
        vmq_http_pub.mqtt_auth.auth_plugin vmq_http_pub.mqtt_auth.client_id vmq_http_pub.mqtt_auth.mode
        vmq_http_pub.mqtt_auth.password vmq_http_pub.mqtt_auth.user vmq_passwd.password_file
        vmq_passwd.password_reload_interval vmq_swc.db_backend vmq_swc.directory vmq_swc.dkm_directory
        vmq_swc.enable_broadcast vmq_swc.exchange_batch_size vmq_swc.fast_call_timeout vmq_swc.gc_interval
        vmq_swc.init_sync_procedure vmq_swc.periodic_gc vmq_swc.prevent_nonempty_join vmq_swc.swc_groups
        vmq_swc.sync_interval vmq_swc.sync_interval.leeway vmq_swc.sync_timeout vmq_web_ui.admin.auth
        vmq_web_ui.admin.user_name vmq_web_ui.admin.user_pwd vmq_web_ui.file_access.allow_read
        vmq_web_ui.file_access.allow_write vmq_web_ui.mgmt_api.key vmq_web_ui.mgmt_api.port
        vmq_web_ui.mgmt_api.scheme vmq_webhooks.$name.base64encode vmq_webhooks.$name.endpoint
        vmq_webhooks.$name.hook vmq_webhooks.$name.no_payload vmq_webhooks.$name.response_timeout
        vmq_webhooks.cafile vmq_webhooks.certfile vmq_webhooks.clique_lead_line vmq_webhooks.depth
        vmq_webhooks.keyfile vmq_webhooks.keyfile_password vmq_webhooks.pool_max_connections
        vmq_webhooks.pool_timeout vmq_webhooks.tls_version vmq_webhooks.use_crls vmq_webhooks.verify_peer
        wait_for_proc
        """)

    static let vernemq1 = split(
        """
        log.error.redirect log.error.messages_per_second log.crash.maximum_message_size log.crash.size
        log.crash.rotation log.crash.rotation.keep sasl allow_multiple_sessions queue_deliver_mode
        trade_consistency max_queued_messages message_size_limit leveldb_message_store.directory
        generic_message_store_engine vmq_bridge.registry_mfa vmq_diversity.mongodb.r_mode vmq_pulse.url
        vmq_pulse.api_key vmq_pulse.connect_timeout vmq_pulse.push_interval
        """)

    private static func split(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
