import NIOCore
import TestSupport
import Testing

@testable import RaftTransport

struct LinkQueueTests {
    private func payload(_ number: UInt8, _ count: Int = 10) -> [UInt8] { Array(repeating: number, count: count) }

    /// What so many payloads of 10 bytes cost.
    private func cost(_ payloads: Int) -> Int { payloads * (10 + LinkQueue.overheadBytes) }

    private func numbers(_ queue: inout LinkQueue) throws -> [UInt8] {
        var buffer = ByteBuffer()
        _ = queue.take(into: &buffer, bytes: .max)
        var decoder = FrameDecoder(frameBytesMax: 1_024)
        decoder.append(buffer)
        var numbers: [UInt8] = []
        while case .payload(let bytes)? = try decoder.next() { numbers.append(bytes[0]) }
        return numbers
    }

    @Test func `while there is a connection the oldest stay`() throws {
        var queue = LinkQueue(bytesMax: cost(3), disconnectedBytesMax: cost(2))
        queue.connected()
        for number in 1...5 { queue.enqueue(payload(UInt8(number))) }
        #expect(queue.dropped == 2 && queue.bytes == cost(3))
        let left = try numbers(&queue)
        #expect(left == [1, 2, 3])
        #expect(queue.isEmpty && queue.bytes == 0)
    }

    @Test func `while there is none the newest stay`() throws {
        var queue = LinkQueue(bytesMax: cost(3), disconnectedBytesMax: cost(2))
        for number in 1...5 { queue.enqueue(payload(UInt8(number))) }
        #expect(queue.dropped == 3)
        queue.connected()
        queue.enqueue(payload(6))
        let left = try numbers(&queue)
        #expect(left == [4, 5, 6])
    }

    @Test func `a lost connection leaves the newest`() throws {
        var queue = LinkQueue(bytesMax: cost(10), disconnectedBytesMax: cost(2))
        queue.connected()
        for number in 1...5 { queue.enqueue(payload(UInt8(number))) }
        queue.disconnected()
        #expect(queue.dropped == 3 && queue.bytes == cost(2))
        let left = try numbers(&queue)
        #expect(left == [4, 5])
    }

    @Test func `the newest stays whatever its length`() throws {
        var queue = LinkQueue(bytesMax: cost(10), disconnectedBytesMax: cost(2))
        queue.enqueue(payload(1))
        queue.enqueue(payload(2, 900))
        #expect(queue.dropped == 1 && queue.bytes == 900 + LinkQueue.overheadBytes)
        queue.enqueue(payload(3))
        #expect(queue.dropped == 2 && queue.bytes == cost(1))
        let left = try numbers(&queue)
        #expect(left == [3])
    }

    @Test func `one payload may always wait, however long it is`() throws {
        var queue = LinkQueue(bytesMax: 5, disconnectedBytesMax: 5)
        queue.connected()
        queue.enqueue(payload(1))
        queue.enqueue(payload(2, 1))
        #expect(queue.dropped == 1)
        let left = try numbers(&queue)
        #expect(left == [1])
    }

    @Test func `a batch ends with the payload that fills it`() {
        var queue = LinkQueue(bytesMax: 1_000, disconnectedBytesMax: 1_000)
        for number in 1...5 { queue.enqueue(payload(UInt8(number))) }
        var buffer = ByteBuffer()
        let taken = queue.take(into: &buffer, bytes: 16)
        #expect(taken == 2)
        #expect(buffer.readableBytes == 2 * (10 + Frame.headBytes))
        #expect(queue.count == 3 && queue.bytes == cost(3))
        queue.clear()
        #expect(queue.dropped == 3 && queue.isEmpty)
    }

    @Test func `its bounds hold whatever happens, and nothing is lost uncounted`() {
        var generator = Seeded(seed())
        for _ in 0..<runs(200) {
            var queue = LinkQueue(bytesMax: 1_000, disconnectedBytesMax: 200)
            var (given, taken) = (0, 0)
            for _ in 0..<200 {
                switch generator.below(8) {
                case 0: queue.connected()
                case 1: queue.disconnected()
                case 2:
                    var buffer = ByteBuffer()
                    taken += queue.take(into: &buffer, bytes: Int(generator.below(200)))
                default:
                    given += 1
                    queue.enqueue(payload(1, Int(generator.below(80))))
                }
                #expect(queue.bytes <= (queue.isConnected ? 1_000 : 200))
                #expect(given == taken + queue.count + Int(queue.dropped))
            }
        }
    }
}
