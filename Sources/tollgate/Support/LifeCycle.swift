import Cluster
import Gateway
import Logging
import NIOCore
import Settings

/// What a served node does when it is told something: signals and changes of its files.
///
/// It listens for signals from when it is made, which is before the node starts: what comes during the start is handled
/// after it.
struct LifeCycle: Sendable {
    /// The files are looked at so often, whatever the kernel says of them: it may watch no more folders, a folder itself may
    /// be replaced, and what did not hold may hold by now without having changed, as a certificate does.
    private static let lookPause = Duration.seconds(30)

    /// What came of the files that were read last.
    private struct Look {
        /// The last that they held.
        var configuration: Configuration
        var problems: [String] = []
    }

    private let load: (@Sendable () throws -> LoadedConfiguration)?
    private let logging: NodeLog
    private let endsAtHangUp: Bool
    private let signals: SignalInbox
    private var logger: Logger { logging.logger }

    /// - Parameters:
    ///   - load: reads the configuration again; nil: it is not from a file, and there is nothing to reload.
    ///   - logging: takes over what a reload says of it.
    ///   - endsAtHangUp: SIGHUP is that its terminal is gone, and it stops; else it reloads.
    /// - Throws: ``SignalInbox/Failure`` where the system refuses a pipe.
    init(
        load: (@Sendable () throws -> LoadedConfiguration)?,
        logging: NodeLog,
        endsAtHangUp: Bool = false
    ) throws {
        self.load = load
        self.logging = logging
        self.endsAtHangUp = endsAtHangUp
        signals = try SignalInbox()
    }

    /// Opens the nodes, and runs until they have been told to stop and have stopped.
    ///
    /// - Parameters:
    ///   - files: what to watch for changes.
    ///   - cutShort: done when a second signal ends the process while the nodes stop.
    ///   - opened: called once all listen for clients.
    /// - Throws: why one could not be opened, or has ended by itself; all have stopped then.
    func run(
        _ nodes: [Node],
        files: [String],
        cutShort: (@Sendable () -> Void)? = nil,
        opened: @escaping @Sendable () -> Void
    ) async throws {
        @Sendable func open() async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes {
                    group.addTask { do { try await node.open() } catch  where node.isStopping {} }
                }
                try await group.waitForAll()
            }
            if !nodes.contains(where: \.isStopping) { opened() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await open() }
            for node in nodes {
                group.addTask { if let reason = try await node.untilEnded() { throw ClusterError.stopped(reason) } }
            }
            group.addTask { await handleSignals(nodes, files: files, cutShort) }
            do {
                while try await group.next() != nil, !nodes.allSatisfy(\.isStopping) {}
            } catch {
                group.cancelAll()
                await Self.stop(nodes, deadline: .zero)
                throw error
            }
        }
    }

    private static func stop(_ nodes: [Node], deadline: TimeAmount) async {
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.stop(deadline: deadline) } }
        }
    }

    private func handleSignals(_ nodes: [Node], files: [String], _ cutShort: (@Sendable () -> Void)?) async {
        var watcher = watch(files)
        var watched = files
        var look = Look(configuration: nodes[0].configuration)
        let clock = Task { [signals] in
            while (try? await Task.sleep(for: Self.lookPause)) != nil { signals.noteChange(.lookedAgain) }
        }
        defer { clock.cancel() }
        for await _ in signals.wakeUps {
            switch signals.take() {
            case .stop(let reason):
                watcher?.cancel()
                await stop(nodes, reason, cutShort)
                return
            case .reload(.hangUp) where endsAtHangUp:
                await stop(nodes, SignalInbox.ReloadReason.hangUp.rawValue, cutShort)
                return
            case .reload(let reason):
                if let files = await reload(nodes[0], reason, &look), files != watched {
                    watched = files
                    watcher?.cancel()
                    watcher = watch(files)
                }
            case nil:
                continue
            }
        }
    }

    private func watch(_ files: [String]) -> FileWatcher? {
        guard !files.isEmpty else { return nil }
        let signals = self.signals
        guard let watcher = FileWatcher(files: files, onChange: { signals.noteChange() }) else {
            logger.warning(
                "the kernel does not tell of changed files: a change is seen within \(Self.lookPause), or at SIGHUP",
                metadata: ["remedy": "raise fs.inotify.max_user_instances"]
            )
            return nil
        }
        // They may have changed since they were read: they are read once more, and what is equal changes nothing.
        signals.noteChange()
        return watcher
    }

    private func stop(_ nodes: [Node], _ reason: String, _ cutShort: (@Sendable () -> Void)?) async {
        logger.notice("stopping", metadata: ["reason": "\(reason)"])
        // A second signal ends the process at once.
        signals.endAtNext(after: cutShort)
        let deadline = nodes[0].configuration.limits.shutdownDeadlineNanoseconds
        await Self.stop(nodes, deadline: .nanoseconds(deadline))
        logger.notice("stopped")
    }

    /// - Returns: the files to watch from now on; nil where the new configuration does not hold.
    private func reload(_ node: Node, _ reason: SignalInbox.ReloadReason, _ look: inout Look) async -> [String]? {
        let isAsked = reason == .hangUp
        guard let load else {
            if isAsked { logger.notice("nothing to reload: the node runs without a configuration file") }
            return nil
        }
        let before = look
        look.problems = []
        // What was said of the same before need not be said again.
        func report(_ problem: String) {
            look.problems.append(problem)
            let isKnown = reason == .lookedAgain && before.problems.contains(problem)
            logger.log(
                level: isKnown ? .debug : .error,
                "configuration not reloaded",
                metadata: ["error": "\(problem)"]
            )
        }
        do {
            let loaded = try load()
            node.offered.noteAgain()
            let isKnown = before.configuration == loaded.configuration
            if reason == .lookedAgain, !isKnown {
                // Nobody has said that who writes it is done.
                try? await Task.sleep(for: FileWatcher.settling)
                guard try load().configuration == loaded.configuration else { return nil }
            }
            look.configuration = loaded.configuration
            // One that waits for a majority goes on waiting.
            if !isAsked, isKnown, node.pending.isPending { return loaded.files }
            if loaded.configuration == node.configuration {
                node.isReloadOK = true
                // One that waits for a majority is no longer what the file says.
                if !node.giveUpPending() {
                    guard isAsked, await node.hasOtherLimits() else { return loaded.files }
                }
            }
            for warning in loaded.warnings where reason != .lookedAgain || !isKnown {
                logger.warning("configuration", metadata: ["warning": "\(warning)"])
            }
            do {
                try await node.reload(loaded.configuration, isAsked: isAsked) { old in
                    taken(loaded.configuration, by: node, reason, inPlaceOf: old)
                }
            } catch Gateway.Problem.ledgerUnavailable {
                node.isReloadOK = false
                report("no majority takes its limits yet: it is tried again by itself")
            }
            return loaded.files
        } catch let errors as ConfigurationErrors {
            for problem in errors.problems { report("\(problem)") }
        } catch {
            report("\(error)")
        }
        node.isReloadOK = false
        return nil
    }

    /// A node has taken a configuration.
    private func taken(
        _ configuration: Configuration,
        by node: Node,
        _ reason: SignalInbox.ReloadReason,
        inPlaceOf old: Configuration
    ) {
        logging.apply(configuration.log)
        node.isReloadOK = true
        for section in Self.sectionsForNextStart(old, configuration) {
            logger.warning("a changed section takes effect at the next start", metadata: ["section": "\(section)"])
        }
        logger.notice(
            "configuration reloaded",
            metadata: ["reason": "\(reason.rawValue)", "hash": "\(configuration.hash)"]
        )
    }

    private static func sectionsForNextStart(_ old: Configuration, _ new: Configuration) -> [String] {
        var sections: [String] = []
        if old.listeners != new.listeners { sections.append("listeners") }
        if old.probes != new.probes { sections.append("probes") }
        if old.node != new.node { sections.append("node") }
        if !isSameMembership(old.membership, new.membership) { sections.append("cluster") }
        if old.admin != new.admin { sections.append("admin") }
        return sections
    }

    /// But for the certificates, which are taken at once.
    private static func isSameMembership(_ old: MembershipSettings?, _ new: MembershipSettings?) -> Bool {
        guard var old, let new, old.tls != nil, new.tls != nil else { return old == new }
        old.tls = new.tls
        return old == new
    }
}
