import ArgumentParser
import COpenSSL
import Glibc
import ProofOfWork

/// `tollgate-benchmark verify`: what a redeemed challenge costs the gateway, and what a forged or a wrong one does.
struct VerifyBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Nanoseconds a verification, against SHA-256 alone.",
        discussion: """
            One thread, all in turns, by its own time on a processor. A verification is what the gateway does for a \
            redeemed challenge: parse token and solution, authenticate, seed, check 16 rounds, all of them right. It is \
            compared with 17 runs of libcrypto's block function, the least that its hashes could take (it needs 18: the \
            token's text fills two blocks).
            """
    )

    /// DESIGN section 12: at most so many times 17 blocks.
    static let budget = 2.0

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 21

    @Option(help: "Verifications of each kind in a round.")
    var count = 20_000

    func validate() throws {
        if !(1...1000).contains(rounds) { throw ValidationError("--rounds is from 1 to 1000.") }
        if !(64...10_000_000).contains(count) { throw ValidationError("--count is from 64 to 10000000.") }
    }

    func run() throws {
        let samples = try VerifySamples()
        var blocks = Series()
        var kinds = VerifySamples.Kind.allCases.map { (kind: $0, series: Series()) }
        for _ in 0..<rounds {
            blocks.add(nanoseconds { _ in samples.hashBlocks() })
            for index in kinds.indices {
                let kind = kinds[index].kind
                let ofKind = samples[kind]
                var wrongAnswers = 0
                kinds[index].series.add(
                    nanoseconds { number in
                        let outcome = samples.verify(ofKind[number % ofKind.count])
                        if outcome != kind.outcome { wrongAnswers += 1 }
                    }
                )
                guard wrongAnswers == 0 else {
                    print("error: \(wrongAnswers) answers to \(kind.rawValue) were wrong")
                    throw ExitCode(1)
                }
            }
        }
        print("ns each: median (minimum–maximum) of \(rounds) rounds of \(count)")
        print("17 × SHA256_Transform".padded(32) + blocks.text(digits: 0))
        for (kind, series) in kinds {
            print(
                kind.rawValue.padded(32) + series.text(digits: 0).padded(24) + "× " + (series / blocks).text(digits: 2)
            )
        }
        let ratio = (kinds[0].series / blocks).median
        print("verification over 17 blocks: \(Series.decimal(ratio, 2)); budget at most \(Self.budget)")
    }

    /// What one call takes on average, of `count`.
    private func nanoseconds(_ body: (Int) -> Void) -> Double {
        let begin = ProcessorTime.ofThisThread()
        for index in 0..<count { body(index) }
        return Double(ProcessorTime.ofThisThread() - begin) / Double(count)
    }
}

/// Tokens and solutions of each kind, several of each, so that no run can learn one by heart.
private struct VerifySamples {
    enum Kind: String, CaseIterable {
        case right = "a right solution"
        case forged = "a forged token"
        case wrongFirst = "wrong in the first round"
        case wrongLast = "wrong in the last round"
        case malformed = "a malformed solution"

        var outcome: Outcome {
            switch self {
            case .right: .right
            case .forged: .refused(.notAuthentic)
            case .wrongFirst: .misses(0)
            case .wrongLast: .misses(15)
            case .malformed: .refused(.malformed)
            }
        }
    }

    enum Outcome: Equatable {
        case right
        case misses(Int)
        case refused(TokenError)
    }

    struct Sample {
        var token: [UInt8]
        var solution: [UInt8]
    }

    private static let count = 64
    private static let rounds = 16

    private let ring: KeyRing
    private let samples: [Kind: [Sample]]
    private let block = (0..<64).map { UInt8($0) }

    init() throws {
        ring = try KeyRing(
            clusterSecret: randomBytes(count: KeyRing.secretCount),
            epochs: (1...2).map { ($0, randomBytes(count: KeyRing.secretCount)) },
            current: 2
        )
        let target = Difficulty.target(difficulty: 16 * 256, rounds: Self.rounds)
        let solver = Solver(threads: 1)
        var samples: [Kind: [Sample]] = [:]
        for number in 0..<Self.count {
            let challenge = Challenge(
                epoch: ring.currentEpoch,
                policy: 1,
                binding: ring.binding(high: 0, low: UInt64(number), isIPv4: true),
                issued: UInt64(number),
                lifetime: 300,
                rounds: UInt8(Self.rounds),
                target: target,
                grants: 100,
                passLifetime: 600
            )
            let token = try ring.seal(challenge)
            let seed = Puzzle.seed(token: token)
            let right = try solver.solve(seed: seed, rounds: Self.rounds, target: target)
            func wrong(_ round: Int) -> [UInt8] {
                var nonces = right.nonces
                while Puzzle.meets(seed: seed, round: UInt32(round), nonce: nonces[round], target: target) {
                    nonces[round] += 1
                }
                return Array((Solution(nonces) ?? right).text.utf8)
            }
            let (text, solution) = (Array(token.utf8), Array(right.text.utf8))
            var forged = text
            forged[text.count - 5] = text[text.count - 5] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            samples[.right, default: []].append(Sample(token: text, solution: solution))
            samples[.forged, default: []].append(Sample(token: forged, solution: solution))
            samples[.wrongFirst, default: []].append(Sample(token: text, solution: wrong(0)))
            samples[.wrongLast, default: []].append(Sample(token: text, solution: wrong(Self.rounds - 1)))
            samples[.malformed, default: []].append(Sample(token: text, solution: solution.dropLast() + [0x2e]))
        }
        self.samples = samples
    }

    /// The measure: 17 blocks.
    func hashBlocks() {
        var context = SHA256_CTX()
        for _ in 0..<17 { SHA256_Transform(&context, block) }
    }

    /// The samples of a kind, 64.
    subscript(kind: Kind) -> [Sample] { samples[kind] ?? [] }

    /// What the gateway does for a redeemed challenge, in its order, but for what the ledger and the clock say.
    func verify(_ sample: Sample) -> Outcome {
        sample.token.withUnsafeBytes { token in
            sample.solution.withUnsafeBytes { text in
                do throws(TokenError) {
                    let solution = try Solution(parsing: text)
                    let challenge = try ring.openChallenge(token)
                    let miss = Puzzle.firstMiss(
                        seed: Puzzle.seed(token: token),
                        rounds: Int(challenge.rounds),
                        target: challenge.target,
                        solution: solution
                    )
                    return miss.map { .misses($0) } ?? .right
                } catch {
                    return .refused(error)
                }
            }
        }
    }
}
