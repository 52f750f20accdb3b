import Gateway
import Ledger
import Settings

/// An override as JSON (DESIGN section 10).
enum OverrideDocument {
    /// - Parameters:
    ///   - key: as it is written; see ``QuotaKeyName``.
    ///   - time: replicated time, from which what is left of a ban is counted.
    static func text(
        policy: String,
        key: String,
        hash: QuotaKey,
        _ state: OverrideState,
        at time: LedgerTime
    ) -> String {
        var text = JSONText()
        text.begin()
        text.member("policy", policy)
        text.member("key", key)
        text.member("hash", hash.hexadecimal)
        add(state, at: time, to: &text)
        text.end()
        return text.text
    }

    /// What it says, within another document.
    static func text(_ state: OverrideState, at time: LedgerTime) -> String {
        var text = JSONText()
        text.begin()
        add(state, at: time, to: &text)
        text.end()
        return text.text
    }

    private static func add(_ state: OverrideState, at time: LedgerTime, to text: inout JSONText) {
        text.member("version", state.version)
        switch state.value {
        case .free(let interval, let burst):
            text.member("free", raw: terms(interval: interval, burst: burst))
        case .deny(let until):
            text.member("deny", raw: "true")
            if let until { text.member("expires_in", seconds(time.nanoseconds(until: until))) }
        }
    }

    private static func terms(interval: UInt64, burst: UInt64) -> String {
        var text = JSONText()
        text.begin()
        text.member("rate", FigureText.rate(ofInterval: interval))
        text.member("burst", burst)
        text.end()
        return text.text
    }

    /// Whole seconds, rounded up.
    static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0)
    }

    /// A page of them.
    /// - Parameter names: of the policies, by their numbers.
    static func text(_ page: OverridePage, names: [PolicyID: String], at time: LedgerTime) -> String {
        var text = JSONText()
        text.begin()
        let overrides = page.overrides.map { place, state in
            Self.text(
                policy: names[place.policy] ?? "",
                key: state.label?.text ?? "hash:\(place.key.hexadecimal)",
                hash: place.key,
                state,
                at: time
            )
        }
        text.member("overrides", raw: "[" + overrides.joined(separator: ", ") + "]")
        if page.hasMore, let last = page.overrides.last {
            text.member("next", OverridePlace.text(last.place))
        }
        text.end()
        return text.text
    }
}

extension OverridePlace {
    /// As it is given for the next page.
    static func text(_ place: OverridePlace) -> String { "\(place.policy.rawValue)-\(place.key.hexadecimal)" }

    /// Nil for what is no such text.
    init?(text: String) {
        let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, let policy = UInt32(sides[0]), let key = QuotaKey(hexadecimal: sides[1]) else {
            return nil
        }
        self.init(policy: PolicyID(rawValue: policy), key: key)
    }
}
