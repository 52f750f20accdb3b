import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the log's lines go, for a short while at most: event loops write them, and so does the end of the process. A
/// reader that stands still costs one moment; from then on lines are lost until it reads again, and then it is told how
/// many. Any thread.
final class LogOutput: Sendable {
    /// Standard error.
    static let standardError = LogOutput(descriptor: 2)

    /// How long the first line waits that the reader does not take.
    static let patienceMilliseconds: Int32 = 250
    /// What a pipe that is writable takes without waiting: PIPE_BUF.
    private static let pieceBytesMax = 4_096

    private struct State {
        /// Lines since the last that was written.
        var lost: UInt64 = 0
        /// Whether the last line ended in its middle.
        var isCutOff = false
    }

    private let descriptor: Int32
    private let state = NIOLockedValueBox(State())

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Writes a line, or counts it as lost.
    ///
    /// - Parameters:
    ///   - line: without its end.
    ///   - lossLine: the line that says that so many were lost.
    func write(_ line: String, lossLine: (UInt64) -> String) {
        state.withLockedValue { state in
            var text = ""
            if state.isCutOff { text += "\n" }
            if state.lost > 0 { text += lossLine(state.lost) + "\n" }
            text += line + "\n"
            let bytes = Array(text.utf8)
            let count = write(bytes, patience: state.lost > 0 ? 0 : Self.patienceMilliseconds)
            if count == bytes.count {
                state = State()
            } else {
                state.lost += 1
                if count > 0 { state.isCutOff = true }
            }
        }
    }

    /// - Returns: how many bytes were taken.
    private func write(_ bytes: [UInt8], patience: Int32) -> Int {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count, isWritable(within: patience) {
                let size = min(Self.pieceBytesMax, bytes.count - offset)
                #if canImport(Glibc)
                    let count = Glibc.write(descriptor, bytes.baseAddress! + offset, size)
                #else
                    let count = Musl.write(descriptor, bytes.baseAddress! + offset, size)
                #endif
                if count > 0 {
                    offset += count
                } else if count == 0 || errno != EINTR {
                    break
                }
            }
            return offset
        }
    }

    private func isWritable(within milliseconds: Int32) -> Bool {
        while true {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let count = poll(&wanted, 1, milliseconds)
            if count < 0, errno == EINTR { continue }
            return count > 0
        }
    }
}
