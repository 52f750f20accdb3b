import Logging
import NIOConcurrencyHelpers
import Settings

/// The log of a node, which follows a reload. Any thread.
struct NodeLog: Sendable {
    let logger: Logger
    private let settings: NIOLockedValueBox<LogSettings>

    init(_ settings: LogSettings) {
        let settings = NIOLockedValueBox(settings)
        self.settings = settings
        logger = Logger(label: "tollgate") { _ in LineLogHandler(settings: settings) }
    }

    /// From now on lines are written as these settings say.
    func apply(_ settings: LogSettings) {
        self.settings.withLockedValue { $0 = settings }
    }
}
