import Glibc

/// What a strong decision cannot be faster than: one fdatasync, while three write at once, and two round trips over
/// loopback, the client's to the leader and the leader's to a follower.
struct DecisionFloor {
    /// Medians, in microseconds.
    let synchronization: Double
    let roundTrip: Double

    var microseconds: Double { synchronization + 2 * roundTrip }

    /// Measures both, one after the other.
    ///
    /// - Parameters:
    ///   - folder: three files are written there.
    ///   - bytes: what is written and sent each time.
    static func measure(
        disk: SlowDisk,
        folder: TemporaryFolder,
        milliseconds: Int,
        bytes: Int = 256
    ) throws(BenchmarkError) -> DecisionFloor {
        let duration = UInt64(milliseconds) * 1_000_000
        let writers = try (0..<3).map { number throws(BenchmarkError) in
            do {
                return Writer(
                    try BareLog(path: "\(folder.path)/floor-\(number)", disk: disk, recordBytes: bytes, length: 1 << 20)
                )
            } catch { throw BenchmarkError("cannot write: \(error)") }
        }
        let threads = writers.map { writer in Thread { writer.run(nanoseconds: duration) } }
        for thread in threads { thread.join() }
        for number in 0..<3 {
            writers[number].log.close()
            unlink("\(folder.path)/floor-\(number)")
        }
        return DecisionFloor(
            synchronization: Series(writers.flatMap(\.microseconds)).median,
            roundTrip: try roundTrips(nanoseconds: duration, bytes: bytes).median
        )
    }

    private final class Writer: @unchecked Sendable {
        var log: BareLog
        private(set) var microseconds: [Double] = []

        init(_ log: BareLog) { self.log = log }

        func run(nanoseconds: UInt64) {
            let end = Clock.nanoseconds() + nanoseconds
            var began = Clock.nanoseconds()
            while began < end {
                log.write()
                let now = Clock.nanoseconds()
                microseconds.append(Double(now - began) / 1_000)
                began = now
            }
        }
    }

    /// Between two threads that wait for each other in recv(2).
    private static func roundTrips(nanoseconds: UInt64, bytes: Int) throws(BenchmarkError) -> Series {
        let listener = try Loopback.Listener()
        guard let near = Loopback.connected(listener.port) else { throw .system("cannot connect to 127.0.0.1") }
        let far = accept(listener.descriptor, nil, nil)
        guard far >= 0 else {
            close(near)
            throw .system("no connection")
        }
        for descriptor in [near, far] {
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        let echo = Thread {
            var buffer = [UInt8](repeating: 0, count: bytes)
            while recv(far, &buffer, bytes, Int32(MSG_WAITALL)) == bytes {
                guard send(far, buffer, bytes, 0) == bytes else { break }
            }
            close(far)
        }
        var series = Series()
        var buffer = [UInt8](repeating: 0, count: bytes)
        let end = Clock.nanoseconds() + nanoseconds
        var began = Clock.nanoseconds()
        while began < end {
            guard send(near, buffer, bytes, 0) == bytes,
                recv(near, &buffer, bytes, Int32(MSG_WAITALL)) == bytes
            else { break }
            let now = Clock.nanoseconds()
            series.add(Double(now - began) / 1_000)
            began = now
        }
        close(near)
        echo.join()
        return series
    }
}

/// A thread that runs one function.
private final class Thread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(Body(body)).toOpaque()
        )
        precondition(result == 0, "the system gives no thread")
    }

    func join() { pthread_join(thread, nil) }
}
