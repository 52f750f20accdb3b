import NIOCore
import TestSupport
import Testing

@testable import RaftTransport

struct FrameDecoderTests {
    private static var frames: [Frame] {
        [.hello([1, 2, 3]), .payload([]), .payload(Array(repeating: 9, count: 300)), .refuse([4]), .payload([5])]
    }

    private static var bytes: [UInt8] {
        var buffer = ByteBuffer()
        for frame in frames { frame.write(to: &buffer) }
        return Array(buffer.readableBytesView)
    }

    private func all(_ decoder: inout FrameDecoder) throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    @Test func `frames come out as they went in, however the bytes are cut`() throws {
        for size in 1...Self.bytes.count {
            var decoder = FrameDecoder(frameBytesMax: 1_024)
            var frames: [Frame] = []
            for start in stride(from: 0, to: Self.bytes.count, by: size) {
                decoder.append(ByteBuffer(bytes: Self.bytes[start..<min(start + size, Self.bytes.count)]))
                frames += try all(&decoder)
            }
            #expect(frames == Self.frames)
            #expect(decoder.bufferedBytes == 0)
        }
    }

    @Test func `a frame has four bytes of length, one of kind, and its content`() {
        var buffer = ByteBuffer()
        Frame.payload([7, 8]).write(to: &buffer)
        #expect(Array(buffer.readableBytesView) == [0, 0, 0, 3, 3, 7, 8])
    }

    @Test func `a length is judged when it is there, and not when the frame is`() {
        for (bytes, error) in [
            ([0, 0, 0, 0], .empty),
            ([0, 0, 0, 97], .tooLong(length: 101, limit: 100)),
            ([255, 255, 255, 255], .tooLong(length: 4_294_967_299, limit: 100)),
            ([0, 0, 0, 9, 0], .unknownKind(0)),
            ([0, 0, 0, 9, 4], .unknownKind(4)),
        ] as [([UInt8], FrameError)] {
            var decoder = FrameDecoder(frameBytesMax: 100)
            decoder.append(ByteBuffer(bytes: bytes))
            #expect(throws: error) { try decoder.next() }
            // And again: nothing that follows can be read.
            decoder.append(ByteBuffer(bytes: Self.bytes))
            #expect(throws: error) { try decoder.next() }
            #expect(decoder.bufferedBytes == 0)
        }
    }

    @Test func `the longest frame is taken`() throws {
        var decoder = FrameDecoder(frameBytesMax: 100)
        var buffer = ByteBuffer()
        Frame.payload(Array(repeating: 1, count: 95)).write(to: &buffer)
        #expect(buffer.readableBytes == 100)
        decoder.append(buffer)
        let frame = try decoder.next()
        #expect(frame == .payload(Array(repeating: 1, count: 95)))
    }

    @Test func `the limit can be raised after the handshake`() throws {
        var decoder = FrameDecoder(frameBytesMax: 20)
        var buffer = ByteBuffer()
        Frame.hello([1]).write(to: &buffer)
        Frame.payload(Array(repeating: 1, count: 50)).write(to: &buffer)
        decoder.append(buffer)
        let first = try decoder.next()
        #expect(first == .hello([1]))
        decoder.frameBytesMax = 1_024
        let second = try decoder.next()
        #expect(second == .payload(Array(repeating: 1, count: 50)))
    }

    @Test func `100,000 random byte strings neither crash it nor make it keep more than one frame`() {
        var generator = Seeded(seed())
        let limit = 512
        for _ in 0..<runs(100_000) {
            var decoder = FrameDecoder(frameBytesMax: limit)
            for _ in 0..<1 + generator.below(4) {
                var bytes = (0..<generator.below(64)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                // Else most end at their length.
                if generator.oneIn(2), bytes.count > 5 {
                    bytes.replaceSubrange(
                        0..<5,
                        with: [0, 0, 0, UInt8(generator.below(80)), UInt8(generator.below(5))]
                    )
                }
                decoder.append(ByteBuffer(bytes: bytes))
                while let frame = try? decoder.next() {
                    switch frame {
                    case .hello(let content), .refuse(let content), .payload(let content):
                        #expect(content.count + Frame.headBytes <= limit)
                    }
                }
                #expect(decoder.bufferedBytes < limit)
            }
        }
    }
}
