import Glibc
import Testing

@testable import ProofOfWork

/// The verifier allocates nothing: shown by a process that has no memory left to allocate.
struct AllocationTests {
    @Test func verificationNeedsNoMemory() async {
        await #expect(processExitsWith: .success) {
            let verification = try Verification()
            // What is made at first use (libsodium's and OpenSSL's choice of code, metadata of generics) is made here.
            verification.run()
            forgetTestingsBacktraces()
            exhaustMemory()
            // In Swift and in C alike: an allocation from here on ends the process with a signal, or is seen as null.
            for _ in 0..<10_000 { verification.run() }
            _exit(malloc(1) == nil ? EXIT_SUCCESS : EXIT_FAILURE)
        }
    }
}

/// What a gateway does for a redeemed challenge, and for forged, wrong and malformed ones, and for passes.
private struct Verification {
    let ring: KeyRing
    let token, pass, solution, forged, wrong, value: [UInt8]

    init() throws {
        ring = try ProofOfWorkTests.ring(epochs: [6, 7])
        var challenge = sampleChallenge()
        challenge.target = Difficulty.target(difficulty: 64, rounds: 16)
        let text = try ring.seal(challenge)
        let answer = try Solver(threads: 1).solve(token: text, rounds: 16, target: challenge.target)
        token = [UInt8](text.utf8)
        pass = [UInt8](try ring.seal(samplePass()).utf8)
        solution = [UInt8](answer.text.utf8)
        forged = token.dropLast() + [token.last == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")]
        var nonces = answer.nonces
        while Puzzle.meets(seed: Puzzle.seed(token: text), round: 9, nonce: nonces[9], target: challenge.target) {
            nonces[9] += 1
        }
        wrong = [UInt8](Solution(nonces)?.text.utf8 ?? "".utf8)
        value = [UInt8](repeating: 7, count: 3000)
    }

    /// Ends the process where an answer is not the right one.
    func run() {
        let isRight = token.withUnsafeBytes { token in
            solution.withUnsafeBytes { solution in redeem(token, solution) == .some(nil) }
        }
        let isWrong = token.withUnsafeBytes { token in
            wrong.withUnsafeBytes { solution in redeem(token, solution) == .some(9) }
        }
        let isForged = forged.withUnsafeBytes { token in
            solution.withUnsafeBytes { solution in redeem(token, solution) == nil }
        }
        let isMalformed = token.withUnsafeBytes { token in redeem(token, token) == nil }
        let isPass = pass.withUnsafeBytes { text -> Bool in
            do throws(TokenError) { return try ring.openPass(text) == samplePass() } catch { return false }
        }
        let key = value.withUnsafeBytes { ring.quotaKey(kind: 1, bytes: $0).high ^ ring.idempotencyKey($0).low }
        let binding = ring.binding(high: key, low: 2, isIPv4: false)
        if !isRight || !isWrong || !isForged || !isMalformed || !isPass || binding == 0 { _exit(2) }
    }

    /// nil: not ours or malformed; else the first miss.
    private func redeem(_ token: UnsafeRawBufferPointer, _ solution: UnsafeRawBufferPointer) -> Int?? {
        do throws(TokenError) {
            let solution = try Solution(parsing: solution)
            let challenge = try ring.openChallenge(token)
            return .some(
                Puzzle.firstMiss(
                    seed: Puzzle.seed(token: token),
                    rounds: Int(challenge.rounds),
                    target: challenge.target,
                    solution: solution
                )
            )
        } catch {
            return nil
        }
    }
}

/// Takes all memory that malloc still has, of every size, and forbids the process more.
private func exhaustMemory() {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    guard setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { _exit(3) }
    var size = 1 << 24
    while size > 0 {
        while malloc(size) != nil {}
        size = size > 4096 ? size / 2 : size - 1
    }
    guard malloc(1) == nil else { _exit(4) }
}

/// Takes away the hook by which the testing library allocates a backtrace for each error that is thrown.
private func forgetTestingsBacktraces() {
    for name in ["_swift_willThrow", "_swift_willThrowTypedImpl"] {
        dlsym(nil, name)?.storeBytes(of: nil, as: UnsafeRawPointer?.self)
    }
}
