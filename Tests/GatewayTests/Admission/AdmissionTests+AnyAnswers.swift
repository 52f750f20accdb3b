import Ledger
import Testing

@testable import Gateway

extension AdmissionTests {
    /// Against any ledger whatsoever it ends, asks a bounded number of times, and takes no unit for a refused request.
    @Test func anyAnswersEndIt() {
        var generator = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let passes = generator.below(5)
            var admission = Self.admission(passes: passes, isFreeZero: generator.chance(30))
            var action = admission.begin()
            var admitted = 0
            var steps = 0
            loop: while true {
                steps += 1
                guard steps <= 3 * passes + 3 else {
                    Issue.record("\(steps) steps for \(passes) passes")
                    return
                }
                switch action {
                case .charge(let charge), .chargePassOfHere(let charge):
                    let outcome = Self.anyOutcome(charge, &generator)
                    if case .admitted = outcome, charge.cost > 0 { admitted += 1 }
                    action = admission.charged(outcome)
                case .rebind:
                    action = admission.rebound(
                        generator.pick([
                            .rebound(left: 1), .unchanged, .tooSoon(retryAfterNanoseconds: 1), .exhausted, .unknown,
                        ])
                    )
                case .finish(let verdict):
                    if case .admitted = verdict { #expect(admitted == 1) } else { #expect(admitted == 0) }
                    break loop
                }
            }
        }
    }

    private static func anyOutcome(_ charge: Charge, _ generator: inout SeededGenerator) -> ChargeOutcome {
        let states = charge.limits.map { _ in state(UInt64(generator.below(4))) }
        switch generator.below(charge.pass == nil ? 6 : 10) {
        case 0: return .denied(retryAfterNanoseconds: nil)
        case 1: return .invalid(.unknownLimit)
        case 2, 3: return .refused(limit: 0, retryAfterNanoseconds: 1, limits: states)
        case 4, 5: return .admitted(limits: states, passRemaining: charge.pass == nil ? nil : 1)
        default: return .passRefused(generator.pick([.unknown, .expired, .exhausted, .otherClient, .policyMismatch]))
        }
    }
}
