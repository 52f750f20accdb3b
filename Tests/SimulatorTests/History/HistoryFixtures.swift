import Ledger
import Simulator

typealias OverrideOperation = Operation<OverrideRegister.Input, OverrideRegister.Output>

/// Values that tests of histories are about.
enum Sample {
    static let policy = PolicyID(rawValue: 1)

    static func key(_ number: UInt64) -> QuotaKey { QuotaKey(high: 0, low: number) }

    static func value(_ number: UInt64) -> OverrideValue { .free(interval: number, burst: 1) }

    static func change(_ value: OverrideValue?, of key: UInt64 = 1, expecting version: UInt64? = nil) -> OverrideChange
    {
        OverrideChange(policy: policy, key: self.key(key), value: value, expectedVersion: version)
    }

    static func spend(_ challenge: UInt64) -> Spend {
        Spend(
            challenge: ChallengeID(high: 0, low: challenge),
            policy: policy,
            issued: .zero,
            challengeLifetime: 60,
            passLifetime: 60,
            grants: 1,
            binding: 0,
            idempotencyKey: nil
        )
    }

    static func pass(remaining: UInt32 = 1) -> PassState {
        PassState(remaining: remaining, expires: .maximum, epoch: 1, binding: 0, recordExpiry: .maximum)
    }
}

/// One operation as a line of a story: `set 7 → 1 @ 10…20`.
func set(
    _ value: UInt64?,
    of key: UInt64 = 1,
    expecting version: UInt64? = nil,
    _ moments: ClosedRange<UInt64>,
    _ outcome: OverrideOutcome
) -> OverrideOperation {
    let change = Sample.change(value.map(Sample.value), of: key, expecting: version)
    return OverrideOperation(
        input: .change(change),
        called: moments.lowerBound,
        answer: .init(output: .changed(outcome), moment: moments.upperBound)
    )
}

/// A change that nobody saw answered.
func set(
    _ value: UInt64?,
    of key: UInt64 = 1,
    expecting version: UInt64? = nil,
    unansweredFrom moment: UInt64
) -> OverrideOperation {
    let change = Sample.change(value.map(Sample.value), of: key, expecting: version)
    return OverrideOperation(input: .change(change), called: moment)
}

/// A read that found a value and its version.
func read(
    of key: UInt64 = 1,
    _ moments: ClosedRange<UInt64>,
    _ value: UInt64,
    version: UInt64
) -> OverrideOperation {
    OverrideOperation(
        input: .read(policy: Sample.policy, key: Sample.key(key)),
        called: moments.lowerBound,
        answer: .init(
            output: .state(OverrideState(value: Sample.value(value), version: version)),
            moment: moments.upperBound
        )
    )
}

/// A read that found nothing.
func readNothing(of key: UInt64 = 1, _ moments: ClosedRange<UInt64>) -> OverrideOperation {
    OverrideOperation(
        input: .read(policy: Sample.policy, key: Sample.key(key)),
        called: moments.lowerBound,
        answer: .init(output: .state(nil), moment: moments.upperBound)
    )
}
