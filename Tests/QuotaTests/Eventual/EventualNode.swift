import Ledger
import Wire

@testable import Quota

/// A node of a test: its limits, loops and exchange, by a clock that differs from all others.
struct EventualNode {
    let replica: ReplicaID
    var limits: EventualLimits
    var loops: [EventualLoop]
    var exchange: EventualExchange
    /// Its clock shows so much more than the test's.
    let clockAhead: UInt64

    init(
        _ number: Int,
        boot: UInt64,
        _ facts: PolicyFacts,
        _ settings: EventualSettings,
        clockAhead: UInt64,
        time: UInt64
    ) {
        replica = .test(number)
        self.clockAhead = clockAhead
        limits = EventualLimits().revised([facts], now: time + clockAhead)
        loops = [EventualLoop(limits: limits), EventualLoop(limits: limits)]
        exchange = EventualExchange(
            replica: replica,
            boot: boot,
            limits: limits,
            settings: settings,
            now: time + clockAhead
        )
    }

    /// A round, and what it sends.
    mutating func tick(_ time: UInt64) {
        for loop in loops.indices { exchange.admitted(loops[loop].takeJournal(), now: time + clockAhead) }
        exchange.tick(now: time + clockAhead)
    }

    mutating func charge(_ charge: Charge, loop: Int = 0, _ time: UInt64) -> ChargeOutcome {
        loops[loop % loops.count].charge(charge, now: time + clockAhead)
    }

    /// How long until a key's own bucket is full, 0 if it is or is not there.
    func ahead(_ key: UInt64, limit: UInt32 = 1, _ time: UInt64) -> UInt64 {
        let bucket = EventualBucketID(.test(key), .own)
        let tat = limits.limit(LimitID(rawValue: limit))?.table.find(bucket)?.time(of: bucket) ?? 0
        return tat.minus(time + clockAhead)
    }
}
