import Ledger

/// Versions of overrides come from one counter of the whole ledger: no two changes have the same one, and one that was
/// answered before another was called has the lesser.
///
/// It holds what ``OverrideRegister`` cannot see, since that looks at each key apart.
public struct VersionOrder: Sendable {
    /// A change that was answered with a version.
    private struct Change {
        var called: UInt64
        var answered: UInt64
        var version: UInt64
    }

    private var changes: [Change] = []

    /// Nothing was changed yet.
    public init() {}

    /// An operation on overrides; those that took no version do not count.
    public mutating func observe(_ operation: Operation<OverrideRegister.Input, OverrideRegister.Output>) {
        guard let answer = operation.answer, case .changed(.set(let version)) = answer.output else { return }
        changes.append(Change(called: operation.called, answered: answer.moment, version: version))
    }

    /// Whether the versions are in order, in n log n.
    public func check() throws(HistoryFault) {
        let byVersion = changes.sorted { $0.version < $1.version }
        for (first, second) in zip(byVersion, byVersion.dropFirst()) where first.version == second.version {
            throw HistoryFault(promise: "VersionOrder", detail: "version \(first.version) was given twice")
        }
        let byCall = changes.sorted { $0.called < $1.called }
        let byAnswer = changes.sorted { $0.answered < $1.answered }
        var answered = 0
        var greatest: UInt64 = 0
        for change in byCall {
            while answered < byAnswer.count, byAnswer[answered].answered < change.called {
                greatest = max(greatest, byAnswer[answered].version)
                answered += 1
            }
            if change.version <= greatest {
                throw HistoryFault(
                    promise: "VersionOrder",
                    detail: "a change called at \(change.called) got version \(change.version), "
                        + "when version \(greatest) had been answered"
                )
            }
        }
    }
}
