import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

/// What is written for a response, byte by byte: the same as SwiftNIO's own encoder writes.
@Suite struct ResponseEncoderTests {
    private func written(
        _ handler: some ChannelOutboundHandler,
        _ parts: [HTTPServerResponsePart]
    ) throws -> String {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(handler)
        for part in parts { channel.write(part, promise: nil) }
        let end = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer())), promise: end)
        try end.futureResult.wait()
        var bytes: [UInt8] = []
        while case .byteBuffer(let buffer)? = try channel.readOutbound(as: IOData.self) {
            bytes += buffer.readableBytesView
        }
        _ = try channel.finish()
        return String(decoding: bytes, as: UTF8.self)
    }

    private func both(_ parts: [HTTPServerResponsePart]) throws -> (ours: String, theirs: String) {
        var configuration = HTTPResponseEncoder.Configuration()
        configuration.automaticallySetFramingHeaders = false
        return (
            try written(ResponseEncoder(), parts),
            try written(HTTPResponseEncoder(configuration: configuration), parts)
        )
    }

    private func body(_ text: String) -> HTTPServerResponsePart { .body(.byteBuffer(ByteBuffer(string: text))) }

    @Test func aHeadIsItsLineAndItsFields() throws {
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["A": "1", "b": "", "Long-Name": "ü x"])
        let (ours, theirs) = try both([.head(head), body("x"), .end(nil)])
        #expect(ours == "HTTP/1.1 200 OK\r\nA: 1\r\nb: \r\nLong-Name: ü x\r\n\r\nx")
        #expect(ours == theirs)
    }

    @Test(arguments: [0, 100, 480, 500, 512, 2_000, 2_048, 70_000]) func aHeadOfAnyLengthIsWhole(_ count: Int) throws {
        for version in [HTTPVersion.http1_0, .http1_1] {
            for status in [HTTPResponseStatus.notFound, .processing, .custom(code: 799, reasonPhrase: "so")] {
                let value = String(repeating: "v", count: count)
                let head = HTTPResponseHead(version: version, status: status, headers: ["X": value, "Y": "1"])
                let (ours, theirs) = try both([.head(head), .end(nil)])
                #expect(ours == theirs)
            }
        }
    }

    @Test func chunksAndTrailersAreFramed() throws {
        let chunked: HTTPHeaders = ["Transfer-Encoding": "chunked"]
        for version in [HTTPVersion.http1_0, .http1_1] {
            let head = HTTPResponseHead(version: version, status: .ok, headers: chunked)
            for trailers in [nil, [:], ["T": "1"]] as [HTTPHeaders?] {
                let texts = ["a", "", String(repeating: "b", count: 300)]
                let (ours, theirs) = try both([.head(head)] + texts.map(body) + [.end(trailers)])
                #expect(ours == theirs)
            }
        }
    }
}
