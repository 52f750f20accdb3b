import Foundation
import Testing

/// The vector files of Tests/Vectors, as they are written.
enum Vectors {
    struct Puzzles: Decodable {
        struct Case: Decodable, Sendable, CustomTestStringConvertible {
            var token: String
            var rounds: Int
            var difficulty: UInt64
            var target: String
            var seed: String
            var firstNonce: UInt64
            var firstDigest: String
            var smallestSolution: String

            var testDescription: String {
                "\(rounds) rounds, difficulty \(difficulty), a token of \(token.utf8.count)"
            }
        }

        struct Target: Decodable, Sendable {
            var difficulty: String
            var rounds: Int
            var target: String
        }

        struct Answer: Decodable, Sendable, CustomTestStringConvertible {
            var what: String
            var token: String
            var rounds: Int
            var target: String
            var solution: String
            var nonces: [String]
            var firstMiss: Int?

            var testDescription: String { what }
        }

        struct Malformed: Decodable, Sendable, CustomTestStringConvertible {
            var what: String
            var solution: String

            var testDescription: String { what }
        }

        var cases: [Case]
        var targets: [Target]?
        var answers: [Answer]?
        var malformedSolutions: [Malformed]?
    }

    struct Tokens: Decodable {
        struct Epoch: Decodable {
            var number: UInt32
            var secret: String
        }

        struct Challenge: Decodable {
            var epoch, policy: UInt32
            var binding: String?
            var issued: String
            var lifetime: UInt32
            var rounds: UInt8
            var target: String
            var grants, passLifetime, price: UInt32
            var id: String
            var token: String
        }

        struct Pass: Decodable {
            var epoch, policy: UInt32
            var binding: String?
            var expires, recordExpiry: String
            var grants: UInt32
            var id: String
            var token: String
        }

        struct Binding: Decodable {
            var high, low: String
            var isIpv4: Bool
            var binding: String
        }

        struct OfBytes: Decodable {
            var kind: UInt8?
            var bytes: String
            var key: String
        }

        struct OfWords: Decodable {
            var kind: UInt8
            var high, low: String
            var key: String
        }

        var clusterSecret: String
        var epochs: [Epoch]
        var challenges: [Challenge]
        var passes: [Pass]
        var bindings: [Binding]
        var quotaKeysOfBytes: [OfBytes]
        var quotaKeysOfWords: [OfWords]
        var idempotencyKeys: [OfBytes]
    }

    /// The hand-given set and ours.
    static let puzzles: [Puzzles] = ["protocol-v1.json", "puzzles-v1.json"].map { load($0) }

    static let tokens: Tokens = load("tokens-v1.json")

    private static func load<Content: Decodable>(_ name: String) -> Content {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Vectors/\(name)")
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Content.self, from: Data(contentsOf: url))
        } catch {
            fatalError("\(url.path): \(error)")
        }
    }
}

/// The bytes of hexadecimal digits.
func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue.map(UInt8.init) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
