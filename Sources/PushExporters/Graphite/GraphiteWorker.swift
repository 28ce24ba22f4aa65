import BrokerLog
import BrokerMetrics
import CSystem
import Glibc
import Logging
import Primitives

/// Does what `GraphiteMachine` decides. Lives on the exporter's thread.
final class GraphiteWorker {
    let source: MetricsSource
    let orders: Orders<GraphiteSettings>
    let statistics: GraphiteStatistics
    let log: Logger
    private let text: GraphiteText
    private let lookup: NameLookup
    private let trouble: Episode
    private let overflow: Episode

    var settings: GraphiteSettings
    var machine: GraphiteMachine
    /// What has come of connecting so far; nil when there is a connection, or none is wanted.
    private var attempt: ConnectAttempt?
    private var connection: ClientSocket?
    private var buffer = GraphiteBuffer()

    init(
        _ source: MetricsSource, _ settings: GraphiteSettings, _ orders: Orders<GraphiteSettings>,
        _ statistics: GraphiteStatistics, _ log: Logger
    ) {
        self.source = source
        self.settings = settings
        self.orders = orders
        self.statistics = statistics
        self.log = log
        text = GraphiteText(
            source.registry.catalog, apiKey: settings.apiKey, prefix: settings.prefix, node: source.node)
        lookup = NameLookup(orders.wakeup)
        trouble = Episode(
            log, began: "Graphite gets no metrics", ended: "Graphite gets metrics again")
        overflow = Episode(
            log, began: "Graphite takes less than it is sent: lines are dropped",
            ended: "Graphite takes all lines again")
        machine = GraphiteMachine(settings)
    }

    private var now: MonotonicTime { source.clock.now }

    /// Until somebody stops it.
    func run() {
        if settings.isEnabled { machine.enable(now: now) }
        while true {
            let news = orders.take()
            if news.isStopped { break }
            if let settings = news.settings { change(to: settings) }
            if attempt?.isLookingUp == true, let answer = lookup.takeAnswer(for: settings.server.host) {
                received(answer)
            }
            if let action = machine.advance(now: now) { perform(action) }
            if let attempt, now >= attempt.deadline { tryNextAddress("it does not answer", .connectTimeout) }
            wait()
        }
        lookup.close()
        statistics.update { counts in
            counts.isConnected = false
            counts.bufferedBytes = 0
        }
    }

    private func change(to new: GraphiteSettings) {
        let old = settings
        settings = new
        machine.settings = new
        if !new.isEnabled {
            disconnect()
            lose(.disabled)
            machine.disable()
            trouble.ended(["reason": "graphite_enabled is off"])
        } else if old.server != new.server {
            disconnect()
            lose(.serverChanged)
            machine.restart(now: now)
        }
        if new.isEnabled { machine.enable(now: now) }
    }

    private func perform(_ action: GraphiteMachine.Action) {
        switch action {
        case .connect:
            attempt = ConnectAttempt()
            if let answer = lookup.begin(settings.server.host) { received(answer) }
        case .abandonConnecting:
            let isLookingUp = attempt?.isLookingUp == true
            disconnect()
            report(
                isLookingUp ? .lookup : .connectTimeout,
                isLookingUp ? "name servers do not answer" : "it does not answer")
        case .abandonSending:
            disconnect()
            report(.sendTimeout, "it takes nothing")
        case .report: sendReport()
        }
    }

    // MARK: Connecting

    private func received(_ answer: NameLookup.Answer) {
        switch answer {
        case .failure(let problem): connectFailed(.lookup, problem)
        case .addresses(let addresses):
            attempt?.begin(addresses, port: settings.server.port)
            tryNextAddress("it has no address", .lookup)
        }
    }

    /// - Parameters: what it is when there is no other address.
    private func tryNextAddress(_ problem: String, _ error: GraphiteError) {
        guard case .connecting(let until) = machine.state else { return }
        var (problem, error) = (problem, error)
        while attempt?.isExhausted == false {
            guard
                let code = attempt?.next(
                    until: until, now: now, userTimeout: UInt32(clamping: settings.sendTimeout))
            else { return }
            (problem, error) = (errorText(code), .connect)
        }
        connectFailed(error, problem)
    }

    private func connectFailed(_ error: GraphiteError, _ problem: String) {
        disconnect()
        machine.connectFailed(now: now)
        report(error, problem)
    }

    private func attemptAnswered(_ socket: ClientSocket) {
        let error = csystem_socket_error(socket.descriptor)
        guard error == 0 else { return tryNextAddress(errorText(error), .connect) }
        attempt = nil
        connection = socket
        machine.connected(now: now)
        statistics.update { counts in
            counts.isConnected = true
            counts.connections += 1
        }
        log.info("connected to Graphite", metadata: serverFacts)
        // Lines that were left by the connection before.
        flush()
    }

    // MARK: Sending

    private func sendReport() {
        var report: [UInt8] = []
        text.render(
            source.registry.snapshot(), seconds: source.clock.wallMilliseconds / 1000,
            labels: settings.labels, into: &report)
        let lost = buffer.append(report, limit: settings.bufferLimit)
        if lost > 0 {
            statistics.count(lost, .bufferFull)
            overflow.occurred(serverFacts)
        }
        flush()
    }

    private func flush() {
        guard let connection else { return }
        var taken = 0
        var complete = 0
        var failure: Int32?
        while buffer.waiting > 0 {
            let count = buffer.withWaiting { bytes in
                bytes.withUnsafeBytes { csystem_send(connection.descriptor, $0.baseAddress, $0.count) }
            }
            guard count >= 0 else {
                if count != -Int(EAGAIN) { failure = Int32(-count) }
                break
            }
            taken += count
            complete += buffer.taken(count)
        }
        let wall = source.clock.wallMilliseconds
        statistics.update { counts in
            counts.sentBytes += taken
            counts.reports += complete
            counts.bufferedBytes = buffer.waiting
            if complete > 0 { counts.lastSuccess = wall }
        }
        if let failure {
            disconnect()
            machine.sendFailed(now: now)
            return reportSending(failure)
        }
        machine.offered(
            hasTaken: taken > 0, waiting: buffer.waiting, isReportComplete: complete > 0, now: now)
        if complete > 0 {
            trouble.ended(serverFacts)
            if buffer.waiting == 0 { overflow.ended(serverFacts) }
        }
    }

    /// What waits is kept: whole lines go first on the next connection.
    private func disconnect() {
        attempt = nil
        connection = nil
        buffer.rewind()
        statistics.update { counts in
            counts.isConnected = false
            counts.bufferedBytes = buffer.waiting
        }
    }

    private func lose(_ reason: GraphiteLoss) {
        statistics.count(buffer.removeAll(), reason)
        statistics.update { $0.bufferedBytes = 0 }
    }

    private func closedByServer(_ socket: ClientSocket) {
        let error = csystem_socket_error(socket.descriptor)
        disconnect()
        if error == 0 {
            machine.closedByServer(now: now)
            report(.closed, "it has closed the connection")
        } else {
            machine.sendFailed(now: now)
            reportSending(error)
        }
    }

    // MARK: Waiting

    /// Until something happens, or something is due.
    private func wait() {
        var descriptors = [pollfd(fd: orders.wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
        var deadline = machine.deadline
        let socket = attempt?.socket ?? connection
        if let socket {
            // Whether it is known what came of connecting, or the end of the connection and room for what waits.
            var events = attempt == nil ? ClientSocket.peerClosed : 0
            if attempt != nil || buffer.waiting > 0 { events |= Int16(POLLOUT) }
            descriptors.append(pollfd(fd: socket.descriptor, events: events, revents: 0))
        }
        if let attempt { deadline = min(deadline, attempt.deadline) }
        let milliseconds = Wakeup.milliseconds(until: deadline, now: now)
        guard poll(&descriptors, nfds_t(descriptors.count), milliseconds) > 0,
            let socket, let events = descriptors.dropFirst().first?.revents, events != 0
        else { return }
        if attempt != nil {
            attemptAnswered(socket)
        } else if events & (ClientSocket.peerClosed | Int16(POLLERR | POLLHUP)) != 0 {
            closedByServer(socket)
        } else {
            flush()
        }
    }

    // MARK: Telling

    private var serverFacts: Logger.Metadata {
        ["server": "\(settings.server.host):\(settings.server.port)"]
    }

    private func report(_ error: GraphiteError, _ problem: String) {
        statistics.count(error)
        var facts = serverFacts
        facts["reason"] = "\(error.label)"
        facts["problem"] = "\(problem)"
        trouble.occurred(facts)
    }

    /// - Parameter code: the errno value of a connection that was there.
    private func reportSending(_ code: Int32) {
        // The kernel has the send timeout too, for what it has taken and cannot give away.
        report(code == ETIMEDOUT ? .sendTimeout : .send, errorText(code))
    }

    private func errorText(_ code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        csystem_error_text(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
