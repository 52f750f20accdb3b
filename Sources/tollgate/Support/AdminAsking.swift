import ArgumentParser
import NIOHTTP1

/// Asks a node's admin interface for a document, and tells why where there is none.
enum AdminAsking {
    /// - Returns: the body of a success.
    static func body(
        _ options: AdminOptions,
        _ method: HTTPMethod,
        _ path: String,
        body: String? = nil,
        fields: [(String, String)] = []
    ) async throws -> [UInt8] {
        let answer = try await options.asking { client throws(AdminClient.Failure) in
            try await client.send(method, path, body: body, fields: fields)
        }
        guard answer.status == .ok else {
            let detail = OperationDocument.read(answer.body)?.detail
            Terminal.error("error: \(detail ?? "the admin interface answered \(answer.status.code)")")
            throw ExitCode(1)
        }
        return answer.body
    }

    /// A document that the node has answered with.
    static func read<Document>(_ bytes: [UInt8], _ read: ([UInt8]) -> Document?) throws -> Document {
        guard let document = read(bytes) else {
            Terminal.error("error: what answers is no admin interface of this version")
            throw ExitCode(1)
        }
        return document
    }

    /// Bytes of a JSON document, and the end of its line.
    static func printDocument(_ bytes: [UInt8]) throws {
        try LostOutput.check(Terminal.output(bytes + [UInt8(ascii: "\n")]))
    }
}
