import Dispatch
import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the process has been told and has not done yet: to stop, or to reload.
///
/// Handlers are installed when it is made, and from then on no signal is lost: the handler writes the signal's number
/// into a pipe, which keeps it until somebody reads. However many reloads are asked for, at most one waits; nothing
/// overwrites a stop, and a stop comes before a reload.
final class SignalInbox: Sendable {
    /// The system refused a pipe or a handler.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    enum Order: Equatable, Sendable {
        case stop(String)
        case reload(ReloadReason)
    }

    enum ReloadReason: String, Sendable {
        case fileChanged = "file changed"
        case hangUp = "SIGHUP"
        /// Nothing was heard of a change; there may be one.
        case lookedAgain = "looked again"
    }

    private struct Waiting {
        var stop: String?
        var reload: ReloadReason?
        /// What is done when another SIGTERM or SIGINT comes, before it ends the process.
        var lastWords: (@Sendable () -> Void)?
    }

    /// One element whenever there may be something to take.
    let wakeUps: AsyncStream<Void>

    private let waiting = NIOLockedValueBox(Waiting())
    private let continuation: AsyncStream<Void>.Continuation

    /// The pipe's writing end. Written once, before the first handler is installed.
    nonisolated(unsafe) private static var writingEnd: Int32 = -1

    init() throws {
        (wakeUps, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw Failure(description: "cannot make a pipe for signals: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            // A full pipe must not stop the handler: what is in it says enough.
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        Self.writingEnd = ends[1]
        let readingEnd = ends[0]
        for number in [SIGHUP, SIGTERM, SIGINT] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                // Nothing but write(2), which may be called here (signal-safety(7)).
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(SignalInbox.writingEnd, &byte, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART
            guard sigaction(number, &action, nil) == 0 else {
                throw Failure(description: "cannot handle signal \(number)")
            }
        }
        let source = DispatchSource.makeReadSource(fileDescriptor: readingEnd, queue: .global())
        source.setEventHandler { [weak self] in
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = read(readingEnd, &bytes, bytes.count)
            for byte in bytes.prefix(max(0, count)) { self?.note(Int32(byte)) }
        }
        // It lives as long as the process, whose signals it reads.
        source.resume()
        sources.withLockedValue { $0.append(Held(source: source)) }
    }

    private struct Held: @unchecked Sendable {
        let source: any DispatchSourceRead
    }

    private let sources = NIOLockedValueBox<[Held]>([])

    /// A watched file may have changed.
    func noteChange(_ reason: ReloadReason = .fileChanged) {
        waiting.withLockedValue { waiting in
            // Who looks again says the least.
            if waiting.reload == nil || waiting.reload == .lookedAgain { waiting.reload = reason }
        }
        continuation.yield()
    }

    /// What is to be done next, if anything.
    func take() -> Order? {
        waiting.withLockedValue { waiting in
            if let reason = waiting.stop { return .stop(reason) }
            guard let reason = waiting.reload else { return nil }
            waiting.reload = nil
            return .reload(reason)
        }
    }

    /// Lets the next SIGTERM or SIGINT end the process, as if nobody handled it.
    /// - Parameter lastWords: done first, on any thread; nil: nothing is.
    func endAtNext(after lastWords: (@Sendable () -> Void)?) {
        if let lastWords { return waiting.withLockedValue { $0.lastWords = lastWords } }
        Self.restoreDefaults()
    }

    private static func restoreDefaults() {
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }

    private func note(_ number: Int32) {
        let lastWords = waiting.withLockedValue { waiting -> (@Sendable () -> Void)? in
            switch number {
            case SIGHUP: waiting.reload = .hangUp
            case SIGTERM: waiting.stop = "SIGTERM"
            default: waiting.stop = "SIGINT"
            }
            return number == SIGHUP ? nil : waiting.lastWords
        }
        if let lastWords {
            lastWords()
            Self.restoreDefaults()
            // To the process, for this thread may block it.
            kill(getpid(), number)
        }
        continuation.yield()
    }
}
