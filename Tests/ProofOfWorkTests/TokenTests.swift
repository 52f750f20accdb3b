import Testing

@testable import ProofOfWork

/// Sealing, opening, and what is refused.
struct TokenTests {
    @Test(arguments: [nil, 1, 0x1122_3344_5566_7788, UInt64.max])
    func aChallengeOpensAsItWasSealed(binding: UInt64?) throws {
        let ring = try ring()
        let challenge = sampleChallenge(binding: binding)
        let text = try ring.seal(challenge)
        #expect(text.utf8.count == Challenge.textLength)
        #expect(text.utf8.count <= 512)
        #expect(text.first?.isLetter == true)
        #expect(text.allSatisfy { tokenAlphabet.contains($0) })
        #expect(try ring.openChallenge(text) == challenge)
        #expect(try ring.seal(challenge) == text, "the same challenge has the same text")
    }

    @Test(arguments: [nil, 1, 0x1122_3344_5566_7788, UInt64.max])
    func aPassOpensAsItWasSealed(binding: UInt64?) throws {
        let ring = try ring()
        let pass = samplePass(binding: binding)
        let text = try ring.seal(pass)
        #expect(text.utf8.count == Pass.textLength)
        #expect(text.first?.isLetter == true)
        #expect(try ring.openPass(text) == pass)
    }

    @Test func extremeFieldsSurvive() throws {
        let ring = try ring(epochs: [.max, 0])
        for epoch in [UInt32.max, 0] {
            let challenge = Challenge(
                epoch: epoch,
                policy: .max,
                binding: nil,
                issued: .max,
                lifetime: .max,
                rounds: 64,
                target: .max,
                grants: .max,
                passLifetime: .max,
                price: .max,
                id: TokenID(high: .max, low: .max)
            )
            #expect(try ring.openChallenge(ring.seal(challenge)) == challenge)
            let least = Challenge(
                epoch: epoch,
                policy: 0,
                binding: nil,
                issued: 0,
                lifetime: 0,
                rounds: 1,
                target: 0,
                grants: 0,
                passLifetime: 0,
                id: TokenID(high: 0, low: 0)
            )
            #expect(try ring.openChallenge(ring.seal(least)) == least)
        }
    }

    @Test func aChallengeExpiresAfterItsLifetime() {
        var challenge = sampleChallenge()
        challenge.issued = 5
        challenge.lifetime = 3
        #expect(challenge.expires == 3_000_000_005)
        challenge.issued = .max - 2_999_999_999
        #expect(challenge.expires == .max, "saturates")
    }

    @Test func eachFieldIsPartOfWhatIsAuthenticated() throws {
        let ring = try ring()
        let text = try ring.seal(sampleChallenge())
        var others: [Challenge] = []
        func other(_ change: (inout Challenge) -> Void) {
            var challenge = sampleChallenge()
            change(&challenge)
            others.append(challenge)
        }
        other { $0.policy += 1 }
        other { $0.binding = nil }
        other { $0.binding = 3 }
        other { $0.issued += 1 }
        other { $0.lifetime += 1 }
        other { $0.rounds += 1 }
        other { $0.target += 1 }
        other { $0.grants += 1 }
        other { $0.passLifetime += 1 }
        other { $0.price += 1 }
        other { $0.id.high += 1 }
        other { $0.id.low += 1 }
        let texts = try others.map { try ring.seal($0) }
        #expect(Set(texts + [text]).count == others.count + 1)
        // The fields of one with the tag of another.
        let tag = try #require(decoded(text)).suffix(Challenge.tagCount)
        for changed in texts {
            let spliced = try #require(decoded(changed)).prefix(Challenge.signedCount) + tag
            let text = encoded([UInt8](spliced))
            #expect(tokenError { () throws(TokenError) in try ring.openChallenge(text) } == .notAuthentic)
        }
    }

    /// Tokens that are good at one run of one node alone.
    @Test func theOriginOfATokenIsPartOfIt() throws {
        let ring = try ring()
        let origin = TokenOrigin(replicaHigh: 0x1111_2222_3333_4444, replicaLow: 0x5555_6666_7777_8888, boot: .max)
        var challenge = sampleChallenge()
        challenge.origin = origin
        let text = try ring.seal(challenge)
        #expect(text.utf8.count == 144 && text.first?.isLetter == true)
        #expect(try ring.openChallenge(text) == challenge)
        var pass = samplePass()
        pass.origin = origin
        let passText = try ring.seal(pass)
        #expect(passText.utf8.count == 128)
        #expect(try ring.openPass(passText) == pass)
        #expect(tokenError { () throws(TokenError) in try ring.openPass(text) } == .malformed)
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(passText) } == .malformed)
        // Every byte of it is authenticated, and it cannot be left out.
        let bytes = try #require(decoded(text))
        for place in 68..<108 {
            var changed = bytes
            changed[place] ^= 1
            #expect(
                tokenError { () throws(TokenError) in try ring.openChallenge(encoded(changed)) } == .notAuthentic
            )
        }
        var without = bytes
        without[1] = Challenge.type
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(encoded(without)) } == .malformed)
        without.removeSubrange(68..<92)
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(encoded(without)) } == .notAuthentic)
    }

    @Test func aPassIsNoChallengeAndTheReverse() throws {
        let ring = try ring()
        let challenge = try ring.seal(sampleChallenge())
        let pass = try ring.seal(samplePass())
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(pass) } == .malformed)
        #expect(tokenError { () throws(TokenError) in try ring.openPass(challenge) } == .malformed)
    }

    /// A type that is not the one asked for is not even authenticated.
    @Test(arguments: [UInt8(0), 2, 3, 255])
    func anotherTypeOfTheSameLengthIsMalformed(type: UInt8) throws {
        let ring = try ring()
        var challenge = try #require(decoded(ring.seal(sampleChallenge())))
        challenge[1] = type
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(encoded(challenge)) } == .malformed)
        var pass = try #require(decoded(ring.seal(samplePass())))
        pass[1] = type == Pass.type ? Challenge.type : type
        #expect(tokenError { () throws(TokenError) in try ring.openPass(encoded(pass)) } == .malformed)
    }

    /// Even where the type and the length are made to fit, the keys differ.
    @Test func kindsHaveKeysOfTheirOwn() throws {
        let ring = try ring()
        var bytes = try #require(decoded(ring.seal(samplePass())))
        bytes[1] = Challenge.type
        bytes.insert(contentsOf: [UInt8](repeating: 0, count: Challenge.count - Pass.count), at: Pass.signedCount)
        #expect(tokenError { () throws(TokenError) in try ring.openChallenge(encoded(bytes)) } == .notAuthentic)

        var challenge = try #require(decoded(ring.seal(sampleChallenge())))
        challenge[1] = Pass.type
        challenge.removeSubrange(Pass.signedCount..<Challenge.signedCount)
        #expect(tokenError { () throws(TokenError) in try ring.openPass(encoded(challenge)) } == .notAuthentic)

        let keys = try ring.epochKeys(7)
        let subkeys = [Subkey.challenge, Subkey.pass].map { offset in
            [UInt8](UnsafeRawBufferPointer(start: keys + offset, count: Subkey.tagStateCount))
        }
        #expect(subkeys[0] != subkeys[1])
    }

    @Test func anotherVersionIsToldFromGarbage() throws {
        let ring = try ring()
        for (token, count) in [(try ring.seal(sampleChallenge()), 84), (try ring.seal(samplePass()), 72)] {
            var bytes = try #require(decoded(token))
            #expect(bytes.count == count)
            for version in [UInt8(0), 2, 3, 255] {
                bytes[0] = version
                let text = encoded(bytes)
                #expect(tokenError { () throws(TokenError) in try ring.openChallenge(text) } == .unknownVersion)
                #expect(tokenError { () throws(TokenError) in try ring.openPass(text + "AAAA") } == .unknownVersion)
            }
        }
        for garbage in ["", "A", "AQ", "AQE", "AQEA", "????", "    ", String(repeating: "A", count: 100_000)] {
            let error = tokenError { () throws(TokenError) in try ring.openChallenge(garbage) }
            #expect(error == (garbage.hasPrefix("AAAA") ? .unknownVersion : .malformed))
        }
    }

    /// What a later release of this version might seal, or a fault of ours: refused though the tag is right.
    @Test func authenticFieldsOutOfRangeAreRefused() throws {
        let ring = try ring()
        func resealed(_ token: String, type: UInt8, signed: Int, _ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = try #require(decoded(token))
            change(&bytes)
            let key = try ring.epochKeys(7) + (type == Challenge.type ? Subkey.challenge : Subkey.pass)
            let message = [UInt8](bytes[..<signed])
            message.withUnsafeBytes { message in
                bytes.withUnsafeMutableBytes {
                    if let base = $0.baseAddress { Authenticator.tag(message, states: key, into: base + signed) }
                }
            }
            return encoded(bytes)
        }
        let challenge = try ring.seal(sampleChallenge())
        let changes: [((inout [UInt8]) -> Void, String)] = [
            ({ $0[10] = 2 }, "an unknown flag"), ({ $0[10] = 0 }, "a binding without its flag"),
            ({ $0[31] = 0 }, "no rounds"), ({ $0[31] = 65 }, "65 rounds"),
            (
                {
                    $0[48] = 0
                    $0[49] = 0
                }, "price 0.5"
            ),
        ]
        for (change, what) in changes {
            let text = try resealed(challenge, type: Challenge.type, signed: Challenge.signedCount, change)
            #expect(
                tokenError { () throws(TokenError) in try ring.openChallenge(text) } == .malformed,
                Comment(rawValue: what)
            )
        }
        let same = try resealed(challenge, type: Challenge.type, signed: Challenge.signedCount) { _ in }
        #expect(try ring.openChallenge(same) == sampleChallenge(), "the helper seals as the ring does")
        let pass = try resealed(ring.seal(samplePass()), type: Pass.type, signed: Pass.signedCount) { $0[39] = 1 }
        #expect(tokenError { () throws(TokenError) in try ring.openPass(pass) } == .malformed)
    }

    private func decoded(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: Base64URL.byteCount(characters: text.utf8.count) ?? 0)
        let isCanonical = [UInt8](text.utf8).withUnsafeBytes { text in
            bytes.withUnsafeMutableBytes { Base64URL.decode(text, into: $0) }
        }
        return isCanonical ? bytes : nil
    }

    private func encoded(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: Base64URL.characterCount(bytes: bytes.count))
        bytes.withUnsafeBytes { bytes in _ = text.withUnsafeMutableBytes { Base64URL.encode(bytes, into: $0) } }
        return String(decoding: text, as: UTF8.self)
    }
}
