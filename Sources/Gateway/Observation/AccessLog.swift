import Dispatch
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes the access log, on a thread of its own: a reader that is slow or gone delays no request. Any thread.
///
/// Lines reach the system whole, and several in one call up to what a pipe takes in one piece, so that lines of other
/// writers into the same pipe do not fall into them (pipe(7), PIPE_BUF).
final class AccessLog: Sendable {
    /// Bytes written in one call, unless a single line is longer: PIPE_BUF.
    static let writeBytesMax = 4_096

    private let logger: Logger
    private let buffer = NIOLockedValueBox(AccessBuffer())
    private let wakeUps = DispatchSemaphore(value: 0)
    private let isStarted = NIOLockedValueBox(false)
    private let ended: DispatchSemaphore = DispatchSemaphore(value: 0)

    /// - Parameter logger: is told what was lost.
    init(logger: Logger) {
        self.logger = logger
    }

    /// Lines that were lost since the start.
    var dropped: UInt64 { buffer.withLockedValue { $0.dropped } }

    /// Takes lines, or drops them where too much waits already. Never waits for the writer.
    func submit(_ chunk: AccessChunk) {
        let (isToWake, delay) = buffer.withLockedValue { buffer in
            (buffer.add(chunk), buffer.reportDelay(now: Self.now()))
        }
        if isToWake {
            start()
            wakeUps.signal()
        }
        if let delay { reportLater(delay) }
    }

    /// Writes what waits, for so long at most, and ends. What then still waits is lost. Nothing is taken any more.
    func close(within time: TimeAmount) async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.close(until: .now() + .nanoseconds(Int(time.nanoseconds)))
                continuation.resume()
            }
        }
    }

    private func close(until deadline: DispatchTime) {
        let isRunning = isStarted.withLockedValue { $0 }
        if buffer.withLockedValue({ $0.close() }) { wakeUps.signal() }
        if isRunning, ended.wait(timeout: deadline) == .timedOut { buffer.withLockedValue { $0.abandon() } }
        let lost = buffer.withLockedValue { $0.report(now: Self.now()) }
        if lost.lines > 0 { report(lost) }
    }

    // MARK: The writer

    private func start() {
        let isFirst = isStarted.withLockedValue { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        guard isFirst else { return }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<AccessLog>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            argument.toOpaque()
        )
        guard result == 0 else {
            argument.release()
            isStarted.withLockedValue { $0 = false }
            return
        }
        pthread_detach(thread)
    }

    private func run() {
        var cutOff: Set<Int32> = []
        while true {
            switch buffer.withLockedValue({ $0.take() }) {
            case .write(let chunks):
                for chunk in chunks { write(chunk, &cutOff) }
            case .sleep:
                wakeUps.wait()
            case .end:
                ended.signal()
                return
            }
        }
    }

    /// - Parameter cutOff: the descriptors of which the last line ends in its middle, as on a disk that was full. It is ended
    ///   before the next one, which would otherwise be spoiled too.
    private func write(_ chunk: AccessChunk, _ cutOff: inout Set<Int32>) {
        let newline = UInt8(ascii: "\n")
        let descriptor: Int32 = chunk.destination == .stderr ? 2 : 1
        var rest = chunk.bytes[...]
        while !rest.isEmpty {
            let piece = Self.wholeLines(rest)
            var failure = cutOff.contains(descriptor) ? Self.write([newline], to: descriptor) : nil
            if failure == nil {
                cutOff.remove(descriptor)
                failure = Self.write(piece, to: descriptor)
                rest = rest.dropFirst(failure?.taken ?? piece.count)
                if let taken = failure?.taken, taken > 0, piece.prefix(taken).last != newline {
                    cutOff.insert(descriptor)
                }
            }
            if let error = failure?.error {
                let lines = rest.count { $0 == newline }
                let delay = buffer.withLockedValue { buffer in
                    buffer.failed(lines: lines, error: error)
                    return buffer.reportDelay(now: Self.now())
                }
                if let delay { reportLater(delay) }
                return
            }
        }
    }

    /// The lines at the beginning that fit into one write; at least one.
    static func wholeLines(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.count > writeBytesMax else { return bytes }
        let newline = UInt8(ascii: "\n")
        let end =
            bytes.prefix(writeBytesMax).lastIndex(of: newline) ?? bytes.firstIndex(of: newline) ?? bytes.endIndex - 1
        return bytes[...end]
    }

    /// Waits until all of it is taken, as long as that may last.
    ///
    /// - Returns: where it was not, what the system said, and how many bytes were.
    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> (error: Int32, taken: Int)? {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                #else
                    let count = Musl.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                #endif
                if count >= 0 {
                    offset += count
                } else if errno == EAGAIN {
                    // Somebody who shares the descriptor has made it non-blocking.
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&wanted, 1, -1)
                } else if errno != EINTR {
                    return (errno, offset)
                }
            }
            return nil
        }
    }

    // MARK: Reports

    private func reportLater(_ nanoseconds: UInt64) {
        // Not on a loop and not by the writer: the log may have the same reader.
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(Int(nanoseconds))) { [self] in
            let lost = buffer.withLockedValue { $0.report(now: Self.now()) }
            if lost.lines > 0 { report(lost) }
        }
    }

    private func report(_ lost: AccessBuffer.Loss) {
        let reason = lost.error == 0 ? "the reader is too slow" : String(cString: strerror(lost.error))
        logger.warning(
            "access log lines were lost",
            metadata: ["lines": "\(lost.lines)", "total": "\(lost.total)", "reason": "\(reason)"]
        )
    }

    private static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }
}
