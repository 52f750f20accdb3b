import Dispatch
import Logging
import NIOCore
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a served node does when it is told something: signals and changes of its files.
///
/// It listens for signals from when it is made, which is before the node starts: what comes during the start is handled
/// after it.
struct LifeCycle {
    private enum Event: Sendable {
        case reload(String)
        case stop(String)
    }

    private let options: ConfigurationOptions
    private let logger: Logger
    private let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let sources: [any DispatchSourceSignal]

    init(options: ConfigurationOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(16))
        self.events = events
        self.continuation = continuation
        sources = [
            Self.onSignal(SIGHUP) { continuation.yield(.reload("SIGHUP")) },
            Self.onSignal(SIGTERM) { continuation.yield(.stop("SIGTERM")) },
            Self.onSignal(SIGINT) { continuation.yield(.stop("SIGINT")) },
        ]
    }

    /// Runs until the node has been told to stop and has stopped.
    ///
    /// - Parameter files: what to watch for changes.
    func run(_ node: Node, files: [String]) async {
        let continuation = self.continuation
        var watcher = FileWatcher(files: files) { continuation.yield(.reload("file changed")) }
        var watched = files
        for await event in events {
            switch event {
            case .reload(let reason):
                if let files = await reload(node, reason), files != watched {
                    watched = files
                    watcher?.cancel()
                    watcher = FileWatcher(files: files) { continuation.yield(.reload("file changed")) }
                }
            case .stop(let reason):
                logger.notice("stopping", metadata: ["reason": "\(reason)"])
                // A second signal ends the process at once.
                for source in sources { source.cancel() }
                signal(SIGTERM, SIG_DFL)
                signal(SIGINT, SIG_DFL)
                watcher?.cancel()
                let deadline = node.gateway.configuration.limits.shutdownDeadlineNanoseconds
                await node.stop(deadline: .nanoseconds(deadline))
                logger.notice("stopped")
                return
            }
        }
    }

    /// - Returns: the files to watch from now on; nil where the new configuration does not hold.
    private func reload(_ node: Node, _ reason: String) async -> [String]? {
        guard options.upstream == nil else {
            logger.notice("nothing to reload: the node runs without a configuration file")
            return nil
        }
        do {
            let loaded = try options.load()
            if loaded.configuration == node.gateway.configuration { return loaded.files }
            for warning in loaded.warnings {
                logger.warning("configuration", metadata: ["warning": "\(warning)"])
            }
            try await node.gateway.reload(loaded.configuration)
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
        return nil
    }

    private static func onSignal(_ number: Int32, _ handler: @escaping @Sendable () -> Void) -> any DispatchSourceSignal
    {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler(handler: handler)
        source.resume()
        return source
    }
}
