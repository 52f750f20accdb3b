import FoundationEssentials
import ProofOfWork

/// A challenge as a server writes it, in JSON or in the header `PoW-Challenge` (DESIGN section 5). Whoever holds one
/// may send its token: it is a token by the protocol's grammar, and its numbers are in their ranges.
struct ChallengeDocument {
    let challenge: String
    /// 1 to 64.
    let rounds: Int
    let target: UInt64
    /// Seconds, 0 or more; nil where the document does not say.
    let expiresIn: Int?

    /// The server's text is no challenge; in one sentence, why.
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// Longest time that is told from the next longer one, in seconds: a century.
    private static let expiresInMax = 100 * 366 * 86_400

    /// Checks what a server said.
    init(challenge: String, algorithm: String?, rounds: Int, target: String, expiresIn: Int?) throws(Unreadable) {
        guard WireToken.isToken(challenge) else {
            throw Unreadable(
                description: "\"challenge\" is not a letter followed by at most 511 letters, digits, '-' and '_'"
            )
        }
        guard algorithm ?? "SHA-256" == "SHA-256" else {
            let name = JSONString.quoted(String((algorithm ?? "").prefix(64)))
            throw Unreadable(description: "the algorithm is \(name), not SHA-256")
        }
        guard Difficulty.roundsRange.contains(rounds) else {
            throw Unreadable(description: "\"rounds\" is not in 1…\(Difficulty.roundsRange.upperBound)")
        }
        // Lower case, as the protocol writes it.
        guard !target.utf8.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) }),
            let number = Difficulty.target(hexadecimal: target)
        else { throw Unreadable(description: "\"target\" is not 16 hexadecimal digits") }
        self.challenge = challenge
        self.rounds = rounds
        self.target = number
        self.expiresIn = expiresIn.map { min(max(0, $0), Self.expiresInMax) }
    }

    /// The hashes that it takes on average, saturating at 2^64 − 1.
    var expectedHashes: UInt64 { Difficulty.expectedHashes(target: target, rounds: rounds) }
}

// MARK: JSON

extension ChallengeDocument {
    /// Reads the object itself, or a refusal that holds one.
    static func read(json bytes: [UInt8]) throws(Unreadable) -> ChallengeDocument {
        let form: Form
        do {
            form = try JSONDecoder().decode(Envelope.self, from: Data(bytes)).form
        } catch DecodingError.keyNotFound(let key, _) {
            // A server that gives none says why, if it is one of ours.
            if let problem = try? JSONDecoder().decode(Problem.self, from: Data(bytes)) {
                let detail = JSONString.quoted(String(problem.detail.prefix(512)))
                throw Unreadable(description: "the server says \(detail)")
            }
            throw Unreadable(description: "it has no \(JSONString.quoted(key.stringValue))")
        } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty {
            throw Unreadable(description: Self.wrongType(context))
        } catch DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty {
            throw Unreadable(description: Self.wrongType(context))
        } catch {
            throw Unreadable(description: "it is not a JSON object with a challenge")
        }
        return try ChallengeDocument(
            challenge: form.challenge,
            algorithm: form.algorithm,
            rounds: form.rounds,
            target: form.target,
            expiresIn: form.expiresIn
        )
    }

    private static func wrongType(_ context: DecodingError.Context) -> String {
        "\(JSONString.quoted(context.codingPath.last?.stringValue ?? "")) is of a wrong type"
    }

    /// A problem document (RFC 9457) without a challenge.
    private struct Problem: Decodable {
        let type: String
        let detail: String
    }

    /// The members as they stand.
    private struct Form: Decodable {
        let challenge: String
        let algorithm: String?
        let rounds: Int
        let target: String
        let expiresIn: Int?

        enum CodingKeys: String, CodingKey {
            case challenge, algorithm, rounds, target
            case expiresIn = "expires_in"
        }
    }

    /// Either form: in a refusal the member `challenge` is the object, in the object it is the token.
    private struct Envelope: Decodable {
        let form: Form

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Form.CodingKeys.self)
            let isRefusal = (try? container.nestedContainer(keyedBy: Form.CodingKeys.self, forKey: .challenge)) != nil
            form = isRefusal ? try container.decode(Form.self, forKey: .challenge) : try Form(from: decoder)
        }
    }
}
