import Ledger
import Raft
import Simulator
import Wire

/// Random histories of overrides, taken from a real ledger that answers one operation after the other: each operation
/// happens at one moment between its call and its answer. So all are linearizable.
struct RegisterHistories {
    private var random: Xoshiro256

    init(seed: UInt64) { random = Xoshiro256(seed: seed) }

    /// - Parameters:
    ///   - clients: how many ask, each one operation at a time.
    ///   - count: operations.
    ///   - lost: answers of ten that are lost.
    mutating func good(clients: Int, count: Int, keys: UInt64, lost: UInt64) -> [OverrideOperation] {
        var ledger = Ledger(
            genesis: Genesis(
                clusterID: ClusterID(high: 1, low: 1),
                secret: Array(repeating: 1, count: LedgerBounds.secretBytes),
                firstEpoch: 1,
                ledgerVersion: 1,
                maxRecords: 100
            )
        )
        var index: UInt64 = 1
        _ = ledger.apply(
            Batch(
                time: .zero,
                commands: [
                    SequencedCommand(
                        session: SessionID(rawValue: 0),
                        sequence: 0,
                        floor: 0,
                        command: .openSession(owner: ReplicaID(high: 1, low: 1))
                    )
                ]
            ),
            index: index
        )
        var history: [OverrideOperation] = []
        // A client is idle, or waits for its operation to happen, or for the answer.
        var waiting: [(operation: Int, output: OverrideRegister.Output?)?] = Array(repeating: nil, count: clients)
        func apply(_ command: Command) -> CommandResult {
            index += 1
            return ledger.apply(
                Batch(
                    time: .zero,
                    commands: [
                        SequencedCommand(
                            session: SessionID(rawValue: 1),
                            sequence: index,
                            floor: index,
                            command: command
                        )
                    ]
                ),
                index: index
            )[0]
        }
        let limit = LimitDefinition(role: .free, key: "client", interval: 1, burst: 1)
        _ = apply(
            .setPolicies(expectedRevision: 0, policies: [PolicyDefinition(name: "p", maxKeys: 100, limits: [limit])])
        )
        var versions: [UInt64] = [0]
        var moment: UInt64 = 0
        while history.count < count || waiting.contains(where: { $0 != nil }) {
            moment += 1
            let client = Int(random.below(UInt64(clients)))
            guard let current = waiting[client] else {
                guard history.count < count else { continue }
                history.append(OverrideOperation(input: input(keys: keys, versions: versions), called: moment))
                waiting[client] = (history.count - 1, nil)
                continue
            }
            if let output = current.output {
                if !random.chance(lost, of: 10) {
                    history[current.operation].answer = .init(output: output, moment: moment)
                }
                waiting[client] = nil
            } else if random.chance(lost, of: 20) {
                waiting[client] = nil  // the request itself is lost
            } else {
                switch history[current.operation].input {
                case .change(let change):
                    guard case .overridden(let outcome) = apply(.override(change)) else {
                        fatalError("not an override")
                    }
                    if case .set(let version) = outcome { versions.append(version) }
                    waiting[client]?.output = .changed(outcome)
                case .read(let policy, let key):
                    waiting[client]?.output = .state(ledger.override(policy: policy, key: key))
                }
            }
        }
        return history
    }

    private mutating func input(keys: UInt64, versions: [UInt64]) -> OverrideRegister.Input {
        let key = random.below(keys)
        if random.chance(1, of: 2) { return .read(policy: Sample.policy, key: Sample.key(key)) }
        let value: OverrideValue? = random.chance(1, of: 4) ? nil : Sample.value(1 + random.below(3))
        let recent = versions.suffix(3)
        let expected =
            random.chance(1, of: 2) ? nil : recent[recent.startIndex + Int(random.below(UInt64(recent.count)))]
        return .change(Sample.change(value, of: key, expecting: expected))
    }

    /// One answer becomes another one; it may still be a good history.
    mutating func mutated(_ history: [OverrideOperation]) -> [OverrideOperation] {
        var history = history
        let answered = history.indices.filter { history[$0].answer != nil }
        guard !answered.isEmpty else { return history }
        let place = answered[Int(random.below(UInt64(answered.count)))]
        guard let answer = history[place].answer else { return history }
        switch answer.output {
        case .state(let state):
            var seen = state ?? OverrideState(value: Sample.value(1), version: 1)
            if random.chance(1, of: 2) {
                seen.version = 1 + random.below(6)
            } else {
                seen.value = Sample.value(1 + random.below(3))
            }
            history[place].answer?.output = .state(state != nil && random.chance(1, of: 3) ? nil : seen)
        case .changed:
            let outcomes: [OverrideOutcome] = [
                .set(version: 1 + random.below(6)), .removed, .conflict(current: random.below(6)),
            ]
            history[place].answer?.output = .changed(outcomes[Int(random.below(3))])
        }
        return history
    }
}
