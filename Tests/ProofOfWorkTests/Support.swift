import Foundation

@testable import ProofOfWork

/// A generator that a seed determines (SplitMix64), so that a failure can be replayed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// The seed of a random test: from TOLLGATE_SEED, else fresh; printed, so that a failure can be replayed.
func printedSeed(_ test: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: .min ... .max)
    print("\(test): TOLLGATE_SEED=\(seed)")
    return seed
}

let clusterSecret = [UInt8](0..<32)

func epochSecret(_ number: UInt32) -> [UInt8] { [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 37), count: 32) }

/// A ring of fixed secrets.
func ring(epochs: [UInt32] = [7], current: UInt32? = nil, cluster: [UInt8] = clusterSecret) throws -> KeyRing {
    try KeyRing(
        clusterSecret: cluster,
        epochs: epochs.map { ($0, epochSecret($0)) },
        current: current ?? epochs[0]
    )
}

/// A challenge in which no field is like another.
func sampleChallenge(epoch: UInt32 = 7, binding: UInt64? = 0x1122_3344_5566_7788, rounds: UInt8 = 16) -> Challenge {
    Challenge(
        epoch: epoch,
        policy: 0x0102_0304,
        binding: binding,
        issued: 0xa1a2_a3a4_a5a6_a7a8,
        lifetime: 300,
        rounds: rounds,
        target: 0x0000_10c6_f7a0_b5ec,
        grants: 100,
        passLifetime: 600,
        price: 0x0003_8000,
        id: TokenID(high: 0xc1c2_c3c4_c5c6_c7c8, low: 0xd1d2_d3d4_d5d6_d7d8)
    )
}

/// A pass in which no field is like another.
func samplePass(epoch: UInt32 = 7, binding: UInt64? = 0x1122_3344_5566_7788) -> Pass {
    Pass(
        epoch: epoch,
        policy: 0x0102_0304,
        binding: binding,
        expires: 0xa1a2_a3a4_a5a6_a7a8,
        recordExpiry: 0xb1b2_b3b4_b5b6_b7b8,
        grants: 100,
        id: TokenID(high: 0xc1c2_c3c4_c5c6_c7c8, low: 0xd1d2_d3d4_d5d6_d7d8)
    )
}

/// The error that the body throws; nil where it throws none.
func tokenError<Result>(_ body: () throws(TokenError) -> Result) -> TokenError? {
    do throws(TokenError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// Bytes as lowercase hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

extension Puzzle.Seed {
    /// The 32 bytes.
    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }
}

/// All 64 characters that tokens are made of.
let tokenAlphabet = [Character]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
