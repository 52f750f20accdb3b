import Logging
import NIOConcurrencyHelpers

/// The lines that a node has logged, and a way to wait for one. Any thread.
final class LogLines: Sendable {
    private struct Content {
        var lines: [String] = []
        var waiters: [(text: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let content = NIOLockedValueBox(Content())

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    /// How many lines contain this.
    func count(_ text: String) -> Int { content.withLockedValue { $0.lines.count { $0.contains(text) } } }

    /// Waits until a line contains this.
    func logged(_ text: String) async {
        await withCheckedContinuation { continuation in
            let isThere = content.withLockedValue { content in
                if content.lines.contains(where: { $0.contains(text) }) { return true }
                content.waiters.append((text, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func append(_ line: String) {
        let done = content.withLockedValue { content in
            content.lines.append(line)
            let done = content.waiters.filter { line.contains($0.text) }
            content.waiters.removeAll { line.contains($0.text) }
            return done
        }
        for waiter in done { waiter.continuation.resume() }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.info

        init(lines: LogLines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.append(([event.level.rawValue, "\(event.message)"] + details).joined(separator: " "))
        }
    }
}
