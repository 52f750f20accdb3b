import Logging
import NIOConcurrencyHelpers
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Log lines on standard error: one JSON object or one line of text each. No reader of it holds up who writes for long.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let settings: NIOLockedValueBox<LogSettings>
    private var ownLevel: Logger.Level?

    /// - Parameter settings: looked at for each line; they may change.
    init(settings: NIOLockedValueBox<LogSettings>) {
        self.settings = settings
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? Logger.Level(rawValue: settings.withLockedValue { $0.level.rawValue }) ?? .info }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let format = settings.withLockedValue { $0.format }
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            .map { (name: $0.key, value: "\($0.value)") }
        LogOutput.standardError.write(Self.line(event.level, event.message.description, all, format)) { lost in
            Self.line(.warning, "log lines were lost", [("lines", "\(lost)")], format)
        }
    }

    private static func line(
        _ level: Logger.Level,
        _ message: String,
        _ metadata: [(name: String, value: String)],
        _ format: LogSettings.Format
    ) -> String {
        switch format {
        case .json:
            var line =
                "{\"time\":\"\(now())\",\"level\":\"\(level.rawValue)\",\"message\":\(JSONString.quoted(message))"
            for (name, value) in metadata { line += ",\(JSONString.quoted(name)):\(JSONString.quoted(value))" }
            return line + "}"
        case .text:
            var line = "\(now()) \(level.rawValue.uppercased()) \(Terminal.visible(message))"
            for (name, value) in metadata { line += " \(Terminal.visible(name))=\(JSONString.quoted(value))" }
            return line
        }
    }

    /// RFC 3339 in UTC, milliseconds.
    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        func pad(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let day = "\(pad(Int(parts.tm_year) + 1_900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
        let hour = "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
        return "\(day)T\(hour).\(pad(time.tv_nsec / 1_000_000, 3))Z"
    }
}
