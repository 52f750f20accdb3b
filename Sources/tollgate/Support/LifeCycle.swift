import Logging
import NIOCore
import Settings

/// What a served node does when it is told something: signals and changes of its files.
///
/// It listens for signals from when it is made, which is before the node starts: what comes during the start is handled
/// after it.
struct LifeCycle {
    private let load: (() throws -> LoadedConfiguration)?
    private let logging: NodeLog
    private let signals: SignalInbox
    private var logger: Logger { logging.logger }

    /// - Parameters:
    ///   - load: reads the configuration again; nil: it is not from a file, and there is nothing to reload.
    ///   - logging: takes over what a reload says of it.
    /// - Throws: ``SignalInbox/Failure`` where the system refuses a pipe.
    init(load: (() throws -> LoadedConfiguration)?, logging: NodeLog) throws {
        self.load = load
        self.logging = logging
        signals = try SignalInbox()
    }

    /// Runs until the node has been told to stop and has stopped.
    ///
    /// - Parameter files: what to watch for changes.
    func run(_ node: Node, files: [String]) async {
        var watcher = watch(files)
        var watched = files
        for await _ in signals.wakeUps {
            switch signals.take() {
            case .stop(let reason):
                watcher?.cancel()
                await stop(node, reason)
                return
            case .reload(let reason):
                if let files = await reload(node, reason), files != watched {
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
        let signals = self.signals
        guard let watcher = FileWatcher(files: files, onChange: { signals.noteChange() }) else { return nil }
        // They may have changed since they were read: they are read once more, and what is equal changes nothing.
        signals.noteChange()
        return watcher
    }

    private func stop(_ node: Node, _ reason: String) async {
        logger.notice("stopping", metadata: ["reason": "\(reason)"])
        // A second signal ends the process at once.
        signals.restoreDefaults()
        let deadline = node.gateway.configuration.limits.shutdownDeadlineNanoseconds
        await node.stop(deadline: .nanoseconds(deadline))
        logger.notice("stopped")
    }

    /// - Returns: the files to watch from now on; nil where the new configuration does not hold.
    private func reload(_ node: Node, _ reason: String) async -> [String]? {
        guard let load else {
            logger.notice("nothing to reload: the node runs without a configuration file")
            return nil
        }
        do {
            let loaded = try load()
            if loaded.configuration == node.gateway.configuration {
                node.isReloadOK.withLockedValue { $0 = true }
                return loaded.files
            }
            for warning in loaded.warnings {
                logger.warning("configuration", metadata: ["warning": "\(warning)"])
            }
            let old = node.gateway.configuration
            try await node.gateway.reload(loaded.configuration)
            logging.apply(loaded.configuration.log)
            node.isReloadOK.withLockedValue { $0 = true }
            for section in Self.sectionsForNextStart(old, loaded.configuration) {
                logger.warning("a changed section takes effect at the next start", metadata: ["section": "\(section)"])
            }
            logger.notice(
                "configuration reloaded",
                metadata: ["reason": "\(reason)", "hash": "\(loaded.configuration.hash)"]
            )
            return loaded.files
        } catch let errors as ConfigurationErrors {
            for problem in errors.problems {
                logger.error("configuration not reloaded", metadata: ["error": "\(problem)"])
            }
        } catch {
            logger.error("configuration not reloaded", metadata: ["error": "\(error)"])
        }
        node.isReloadOK.withLockedValue { $0 = false }
        return nil
    }

    private static func sectionsForNextStart(_ old: Configuration, _ new: Configuration) -> [String] {
        var sections: [String] = []
        if old.listeners != new.listeners { sections.append("listeners") }
        if old.probes != new.probes { sections.append("probes") }
        if old.node != new.node { sections.append("node") }
        if old.admin != new.admin { sections.append("admin") }
        return sections
    }
}
