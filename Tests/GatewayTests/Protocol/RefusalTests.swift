import Foundation
import Testing

@testable import Gateway

/// RFC 9457 problem documents, and the table of DESIGN section 5.
@Suite struct RefusalTests {
    static let challenge = IssuedChallenge(
        token: "Atoken-_",
        rounds: 16,
        target: 0x0000_10C6_F7A0_B5EC,
        expiresInSeconds: 300,
        grants: 100
    )

    private func object(_ refusal: Refusal, requestID: String = "id") throws -> [String: Any] {
        let text = refusal.problem(requestID: requestID)
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    @Test(arguments: RefusalKind.allCases) func everyKindIsAProblemDocument(_ kind: RefusalKind) throws {
        let refusal = Refusal(
            kind,
            "Why, \"exactly\".",
            challenge: Self.challenge,
            retryAfterSeconds: 7,
            policy: "api",
            allow: "GET"
        )
        let object = try self.object(refusal)
        #expect(object["type"] as? String == "urn:tollgate:" + kind.rawValue)
        #expect(object["title"] as? String == kind.title && !kind.title.isEmpty)
        #expect(object["status"] as? Int == kind.status && (400..<600).contains(kind.status))
        #expect(object["detail"] as? String == "Why, \"exactly\".")
        #expect(object["instance"] as? String == "id")
        #expect(object["policy"] as? String == "api")
        #expect(object["retry_after"] as? Int == 7)
        let challenge = try #require(object["challenge"] as? [String: Any])
        #expect(challenge["challenge"] as? String == "Atoken-_")
        #expect(
            Set(object.keys) == ["type", "title", "status", "detail", "instance", "policy", "retry_after", "challenge"]
        )
    }

    @Test func theTypesAreTheContracts() {
        let expected: [RefusalKind: (String, Int)] = [
            .workRequired: ("work-required", 429), .overLimit: ("over-limit", 429), .malformed: ("malformed", 400),
            .tooLarge: ("too-large", 413), .unsupportedMediaType: ("unsupported-media-type", 415),
            .methodNotAllowed: ("method-not-allowed", 405), .unknownPolicy: ("unknown-policy", 404),
            .wrongSolution: ("wrong-solution", 403), .otherClient: ("other-client", 403), .expired: ("expired", 410),
            .alreadySpent: ("already-spent", 409), .noQuorum: ("no-quorum", 503),
        ]
        for (kind, (type, status)) in expected {
            #expect(kind.type == "urn:tollgate:" + type && kind.status == status)
        }
        #expect(Set(RefusalKind.allCases.map(\.type)).count == RefusalKind.allCases.count)
    }

    @Test func whatIsNotThereIsLeftOut() throws {
        let object = try self.object(Refusal(.expired, "d"))
        #expect(Set(object.keys) == ["type", "title", "status", "detail", "instance"])
        #expect(Refusal(.expired, "d").fields().map(\.name) == ["Cache-Control"])
    }

    @Test func fieldsSayTheSame() {
        let refusal = Refusal(
            .workRequired,
            "d",
            challenge: Self.challenge,
            retryAfterSeconds: 7,
            policy: "api",
            status: 401
        )
        let fields = Dictionary(uniqueKeysWithValues: refusal.fields().map { ($0.name, $0.value) })
        #expect(
            fields["PoW-Challenge"] == "Atoken-_;alg=\"SHA-256\";rounds=16;target=\"000010c6f7a0b5ec\";expires-in=300"
        )
        #expect(fields["Retry-After"] == "7" && fields["Cache-Control"] == "no-store")
        #expect(fields["WWW-Authenticate"] == "PoW realm=\"api\"")
        // Only 401 asks for authentication.
        #expect(!Refusal(.workRequired, "d", policy: "api").fields().contains { $0.name == "WWW-Authenticate" })
        #expect(
            Refusal(.methodNotAllowed, "d", allow: "POST").fields().contains {
                $0.name == "Allow" && $0.value == "POST"
            }
        )
    }

    @Test func theChallengeObjectIsTheContracts() throws {
        let json = Self.challenge.json
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["algorithm"] as? String == "SHA-256" && object["rounds"] as? Int == 16)
        #expect(object["target"] as? String == "000010c6f7a0b5ec" && object["expires_in"] as? Int == 300)
        #expect(object["grants"] as? Int == 100 && object["redeem"] as? String == "/.well-known/tollgate/redeem")
        #expect(Set(object.keys) == ["challenge", "algorithm", "rounds", "target", "expires_in", "grants", "redeem"])
        // Our own reader of flat objects reads it too.
        #expect(FlatJSON(Array(json.utf8))?["challenge"] == "Atoken-_")
    }

    @Test func anyTextIsQuotedSoThatItReadsBack() throws {
        var generator = SeededGenerator.printed()
        let pieces = [
            "\"", "\\", "\n", "\u{0}", "\u{1F}", "\u{7F}", "</script>", "é", "\u{2028}", "\u{1F980}", "a", "{",
            "\\u0041", "\r\n", "\u{301}",
        ]
        for _ in 0..<1_000 {
            let detail = generator.joined(pieces, upTo: 10)
            let id = generator.joined(pieces, upTo: 10)
            let object = try self.object(Refusal(.denied, detail), requestID: id)
            // Compared by scalars: a string's equality is looser.
            #expect((object["detail"] as? String).map { Array($0.unicodeScalars) } == Array(detail.unicodeScalars))
            #expect((object["instance"] as? String).map { Array($0.unicodeScalars) } == Array(id.unicodeScalars))
            #expect(JSONText.quoted(detail).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
    }
}
