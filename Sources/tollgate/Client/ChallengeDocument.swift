import FoundationEssentials
import ProofOfWork

/// A challenge as the wire protocol writes it: the object itself, or a refusal that holds one.
struct ChallengeDocument: Decodable {
    let challenge: String
    let rounds: Int
    let target: UInt64
    /// Seconds; nil where the document does not say.
    let expiresIn: Int?

    private enum Key: String, CodingKey {
        case challenge, algorithm, rounds, target
        case expiresIn = "expires_in"
    }

    private struct Refusal: Decodable {
        let challenge: ChallengeDocument
    }

    /// Reads either form; the error says in one sentence what is wrong.
    static func read(_ bytes: [UInt8]) throws -> ChallengeDocument {
        let decoder = JSONDecoder()
        let data = Data(bytes)
        if let refusal = try? decoder.decode(Refusal.self, from: data) { return refusal.challenge }
        do {
            return try decoder.decode(ChallengeDocument.self, from: data)
        } catch DecodingError.dataCorrupted(let context) {
            throw Unreadable(description: context.debugDescription)
        } catch DecodingError.keyNotFound(let key, _) {
            throw Unreadable(description: "it has no \"\(key.stringValue)\"")
        } catch {
            throw Unreadable(description: "it is not a challenge object")
        }
    }

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func corrupted(_ key: Key, _ what: String) -> DecodingError {
            .dataCorruptedError(forKey: key, in: container, debugDescription: what)
        }
        challenge = try container.decode(String.self, forKey: .challenge)
        guard challenge.utf8.count <= 512, !challenge.isEmpty else {
            throw corrupted(.challenge, "\"challenge\" is longer than 512 characters or empty")
        }
        let algorithm = try container.decodeIfPresent(String.self, forKey: .algorithm) ?? "SHA-256"
        guard algorithm == "SHA-256" else {
            throw corrupted(.algorithm, "the algorithm is \"\(algorithm)\", not SHA-256")
        }
        rounds = try container.decode(Int.self, forKey: .rounds)
        guard (1...Difficulty.roundsRange.upperBound).contains(rounds) else {
            throw corrupted(.rounds, "\"rounds\" is not in 1…\(Difficulty.roundsRange.upperBound)")
        }
        let text = try container.decode(String.self, forKey: .target)
        guard text.utf8.count == 16, text.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }),
            let target = UInt64(text, radix: 16)
        else { throw corrupted(.target, "\"target\" is not 16 hexadecimal digits") }
        self.target = target
        expiresIn = try container.decodeIfPresent(Int.self, forKey: .expiresIn)
    }
}
