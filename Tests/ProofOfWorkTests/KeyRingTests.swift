import Testing

@testable import ProofOfWork

/// Which secrets make which keys, and which rings cannot be made.
struct KeyRingTests {
    @Test func aTokenOfAKeptEpochOpensAndOfAnyOtherDoesNot() throws {
        let old = try ring(epochs: [6])
        let both = try ring(epochs: [6, 7], current: 7)
        let new = try ring(epochs: [7])
        #expect(both.currentEpoch == 7)
        for epoch in [UInt32(6), 7] {
            let challenge = sampleChallenge(epoch: epoch)
            let pass = samplePass(epoch: epoch)
            let (challengeText, passText) = (try both.seal(challenge), try both.seal(pass))
            #expect(try both.openChallenge(challengeText) == challenge)
            #expect(try both.openPass(passText) == pass)
            let (keeps, lacks) = epoch == 6 ? (old, new) : (new, old)
            #expect(try keeps.openChallenge(challengeText) == challenge)
            #expect(try keeps.openPass(passText) == pass)
            // One that is over, or one that others may know.
            let why: TokenError = epoch == 6 ? .unknownEpoch : .laterEpoch
            #expect(tokenError { () throws(TokenError) in try lacks.openChallenge(challengeText) } == why)
            #expect(tokenError { () throws(TokenError) in try lacks.openPass(passText) } == why)
            #expect(tokenError { () throws(TokenError) in try lacks.seal(challenge) } == why)
            #expect(tokenError { () throws(TokenError) in try lacks.seal(pass) } == why)
        }
    }

    /// The same epoch number with another secret, or the same secret under another number, is another key.
    @Test func everySecretAndNumberGoesIntoTheKeys() throws {
        let text = try ring().seal(sampleChallenge())
        let otherCluster = try ring(cluster: [UInt8](repeating: 9, count: 32))
        #expect(tokenError { () throws(TokenError) in try otherCluster.openChallenge(text) } == .notAuthentic)
        let otherSecret = try KeyRing(clusterSecret: clusterSecret, epochs: [(7, epochSecret(8))], current: 7)
        #expect(tokenError { () throws(TokenError) in try otherSecret.openChallenge(text) } == .notAuthentic)

        let renumbered = try KeyRing(clusterSecret: clusterSecret, epochs: [(8, epochSecret(7))], current: 8)
        let tags = [text, try renumbered.seal(sampleChallenge(epoch: 8))].map { $0.suffix(21) }
        #expect(tags[0] != tags[1])
        let (seven, eight) = (try #require(try ring().copyOfEpochKeys(7)), try #require(renumbered.copyOfEpochKeys(8)))
        #expect(Set(seven + eight).count == 4, "no two subkeys are the same")
    }

    @Test func bindingsAndKeysDoNotRotate() throws {
        let before = try ring(epochs: [1])
        let after = try ring(epochs: [2, 3], current: 3)
        let elsewhere = try ring(epochs: [1], cluster: [UInt8](repeating: 9, count: 32))
        #expect(before.binding(high: 1, low: 2, isIPv4: false) == after.binding(high: 1, low: 2, isIPv4: false))
        #expect(before.quotaKey(kind: 1, high: 1, low: 2) == after.quotaKey(kind: 1, high: 1, low: 2))
        let value = [UInt8]("key".utf8)
        value.withUnsafeBytes { value in
            #expect(before.quotaKey(kind: 1, bytes: value) == after.quotaKey(kind: 1, bytes: value))
            #expect(before.idempotencyKey(value) == after.idempotencyKey(value))
            #expect(before.quotaKey(kind: 1, bytes: value) != elsewhere.quotaKey(kind: 1, bytes: value))
            #expect(before.idempotencyKey(value) != elsewhere.idempotencyKey(value))
            #expect(before.idempotencyKey(value) != before.quotaKey(kind: 1, bytes: value))
        }
        #expect(before.binding(high: 1, low: 2, isIPv4: false) != elsewhere.binding(high: 1, low: 2, isIPv4: false))
    }

    @Test func bindingsTellClientsApart() throws {
        let ring = try ring()
        var seen: Set<UInt64> = []
        for low in UInt64(0)..<1000 {
            seen.insert(ring.binding(high: 0, low: low, isIPv4: true))
            seen.insert(ring.binding(high: 0, low: low, isIPv4: false))
            seen.insert(ring.binding(high: low + 1, low: 0, isIPv4: false))
        }
        #expect(seen.count == 3000)
        #expect(!seen.contains(0))
    }

    /// Nothing that a client chooses is joined to a neighbour without a border between them.
    @Test func quotaKeysAreUnambiguous() throws {
        let ring = try ring()
        var seen: Set<[UInt64]> = []
        var count = 0
        func add(_ key: (high: UInt64, low: UInt64)) {
            seen.insert([key.high, key.low])
            count += 1
        }
        for kind in UInt8(0)...3 {
            for length in 0..<64 {
                add([UInt8](repeating: 0, count: length).withUnsafeBytes { ring.quotaKey(kind: kind, bytes: $0) })
                add(
                    ([kind + 1] + [UInt8](repeating: 9, count: length)).withUnsafeBytes {
                        ring.quotaKey(kind: kind, bytes: $0)
                    }
                )
            }
            add(ring.quotaKey(kind: kind, high: 0, low: 0))
            add(ring.quotaKey(kind: kind, high: 0, low: UInt64(kind) + 1))
            add(ring.quotaKey(kind: kind, high: UInt64(kind) + 1, low: 0))
        }
        #expect(seen.count == count)
        let empty = ring.quotaKey(kind: 0, bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        #expect([UInt8]().withUnsafeBytes { ring.quotaKey(kind: 0, bytes: $0) } == empty)
    }

    @Test func ringsThatCannotBeAreRefused() {
        func error(_ cluster: [UInt8], _ epochs: [(number: UInt32, secret: [UInt8])], _ current: UInt32)
            -> KeyRingError?
        {
            do throws(KeyRingError) {
                _ = try KeyRing(clusterSecret: cluster, epochs: epochs, current: current)
                return nil
            } catch {
                return error
            }
        }
        let epoch = (number: UInt32(1), secret: epochSecret(1))
        #expect(error(clusterSecret, [epoch], 1) == nil)
        #expect(error([], [epoch], 1) == .wrongSecretLength)
        #expect(error([UInt8](repeating: 0, count: 31), [epoch], 1) == .wrongSecretLength)
        #expect(error([UInt8](repeating: 0, count: 33), [epoch], 1) == .wrongSecretLength)
        #expect(error(clusterSecret, [(1, [1, 2, 3])], 1) == .wrongSecretLength)
        #expect(error(clusterSecret, [], 1) == .wrongEpochCount)
        let many = (UInt32(0)...64).map { (number: $0, secret: epochSecret($0)) }
        #expect(error(clusterSecret, many, 1) == .wrongEpochCount)
        #expect(error(clusterSecret, Array(many.dropLast()), 63) == nil)
        #expect(error(clusterSecret, [epoch, (2, epochSecret(2)), epoch], 1) == .duplicateEpoch)
        #expect(error(clusterSecret, [epoch], 2) == .unknownCurrentEpoch)
    }

    @Test func randomnessIsFresh() {
        #expect(Set((0..<100).map { _ in TokenID.random() }).count == 100)
        #expect(randomBytes(count: 0).isEmpty)
        #expect(randomBytes(count: 33).count == 33)
        #expect(randomBytes(count: 32) != randomBytes(count: 32))
    }
}

extension KeyRing {
    /// The subkeys of an epoch: of challenges, of passes.
    fileprivate func copyOfEpochKeys(_ epoch: UInt32) -> [[UInt8]]? {
        (try? epochKeys(epoch)).map { keys in
            [Subkey.challenge, Subkey.pass].map {
                [UInt8](UnsafeRawBufferPointer(start: keys + $0, count: Subkey.tagStateCount))
            }
        }
    }
}
