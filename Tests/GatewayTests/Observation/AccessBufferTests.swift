import Settings
import Testing

@testable import Gateway

/// What waits for the access log's writer: bounded, in order, and whatever is lost is counted.
@Suite struct AccessBufferTests {
    private func chunk(_ bytes: Int = 10, lines: Int = 1) -> AccessChunk {
        AccessChunk(destination: .stdout, bytes: [UInt8](repeating: 0x0A, count: bytes), lines: lines)
    }

    @Test func theWriterIsWokenOnce() {
        var buffer = AccessBuffer()
        #expect(buffer.add(chunk()) == true)
        #expect(buffer.add(chunk()) == false)
        #expect(buffer.take() == .write([chunk(), chunk()]))
        // It looks again before it sleeps.
        #expect(buffer.add(chunk()) == false)
        #expect(buffer.take() == .write([chunk()]))
        #expect(buffer.take() == .sleep)
        #expect(buffer.add(chunk()) == true)
    }

    @Test func whatDoesNotFitIsDroppedAndCounted() {
        var buffer = AccessBuffer()
        let half = AccessBuffer.bytesMax / 2
        _ = buffer.add(chunk(half, lines: 100))
        _ = buffer.add(chunk(half, lines: 100))
        #expect(buffer.add(chunk(1, lines: 3)) == false)
        #expect(buffer.dropped == 3)
        // What is being written counts as well, until the writer comes back.
        _ = buffer.take()
        _ = buffer.add(chunk(1, lines: 4))
        #expect(buffer.dropped == 7)
        #expect(buffer.take() == .sleep)
        _ = buffer.add(chunk(half * 2))
        #expect(buffer.dropped == 7)
    }

    @Test func linesThatCannotBeWrittenAreCounted() {
        var buffer = AccessBuffer()
        _ = buffer.add(chunk())
        _ = buffer.take()
        buffer.failed(lines: 5, error: 32)
        #expect(buffer.dropped == 5)
    }

    @Test func whatWaitsIsWrittenBeforeTheEnd() {
        var buffer = AccessBuffer()
        _ = buffer.add(chunk())
        #expect(buffer.close() == false)
        #expect(buffer.add(chunk(lines: 2)) == false)
        #expect(buffer.dropped == 2)
        #expect(buffer.take() == .write([chunk()]))
        #expect(buffer.take() == .end)
    }

    @Test func aSleepingWriterIsWokenToEnd() {
        var buffer = AccessBuffer()
        #expect(buffer.close() == true)
        #expect(buffer.take() == .end)
    }

    @Test func whatIsGivenUpIsLost() {
        var buffer = AccessBuffer()
        _ = buffer.add(chunk(lines: 9))
        buffer.abandon()
        #expect(buffer.dropped == 9)
        #expect(buffer.take() == .sleep)
    }

    @Test func lossesAreReportedOnceInAWhile() {
        let (delay, interval) = (AccessBuffer.reportDelayNanoseconds, AccessBuffer.reportIntervalNanoseconds)
        var buffer = AccessBuffer()
        #expect(buffer.reportDelay(now: 0) == nil)
        buffer.failed(lines: 1, error: 28)
        #expect(buffer.reportDelay(now: 100) == delay)
        buffer.failed(lines: 1, error: 28)
        // Somebody has been told to look already.
        #expect(buffer.reportDelay(now: 200) == nil)
        #expect(buffer.report(now: delay) == AccessBuffer.Loss(lines: 2, total: 2, error: 28))
        #expect(buffer.reportDelay(now: delay) == nil)
        buffer.failed(lines: 3, error: 0)
        #expect(buffer.reportDelay(now: delay) == interval)
        #expect(buffer.report(now: delay + interval) == AccessBuffer.Loss(lines: 3, total: 5, error: 0))
        buffer.failed(lines: 1, error: 28)
        #expect(buffer.reportDelay(now: delay + 9 * interval) == delay)
    }

    // MARK: Pieces

    @Test func aPieceIsWholeLines() {
        let short = Array((String(repeating: "x", count: 99) + "\n").utf8)
        let lines = Array((0..<100).flatMap { _ in short })[...]
        #expect(AccessLog.wholeLines(lines).count == 4_000)
        #expect(AccessLog.wholeLines(lines.suffix(4_096)).count == 4_096)
        let long = Array((String(repeating: "x", count: 5_000) + "\n").utf8)
        #expect(AccessLog.wholeLines((long + short)[...]).count == 5_001)
        #expect(AccessLog.wholeLines((short + long)[...]).count == 100)
        #expect(AccessLog.wholeLines(long.dropLast()).count == 5_000)
    }
}
