import Ledger

/// The promises of the policy level `eventual`.
///
/// **Each boot of a node by itself** is one limit, whatever it hears: no interval of its own clock admits more than burst +
/// rate × w. So a node that is cut off is one limit, and one that is started again one more.
///
/// **Nodes that are connected** are together one limit, and what the last one to admit had not heard of: what the others
/// admitted in a round and the delay of a message. That is looked at for groups in which each has a way to each other and to
/// nobody else, from some time after that began until it ends.
struct EventualPromise {
    struct Bucket: Hashable {
        var limit: LimitID
        var key: QuotaKey
    }

    private struct Own: Hashable {
        var node: Int
        var boot: UInt64
        var bucket: Bucket
    }

    private struct Admission {
        var at: Moment
        var node: Int
        var bucket: Bucket
        var units: UInt64
        var interval: UInt64
        var burst: UInt64
    }

    /// Nanoseconds of a round and of the slowest message, by the slowest clock; nil where messages are lost.
    var delay: UInt64?
    private let driftPPM: UInt64
    private var own: [Own: IntervalBound] = [:]
    private var admissions: [Admission] = []
    private var groups: [[Int]] = []
    private var began = Moment.zero
    /// Admissions that were looked at together with those of others.
    private(set) var together = 0

    init(delay: UInt64?, driftPPM: Int) {
        self.delay = delay
        self.driftPPM = UInt64(driftPPM)
    }

    /// A node admitted units of a bucket.
    /// - Parameter clock: of the node, in nanoseconds.
    mutating func admitted(
        _ units: UInt64,
        of bucket: Bucket,
        _ definition: LimitDefinition,
        node: Int,
        boot: UInt64,
        clock: UInt64,
        at moment: Moment
    ) throws(HistoryFault) {
        let key = Own(node: node, boot: boot, bucket: bucket)
        var bound = own[key] ?? IntervalBound(interval: definition.interval, burst: definition.burst)
        do { try bound.admitted(units, at: clock) } catch {
            throw HistoryFault(promise: "EventualPromise", detail: "node \(node) by itself: \(error.detail)")
        }
        own[key] = bound
        guard delay != nil, groups.contains(where: { $0.contains(node) }) else { return }
        admissions.append(
            Admission(
                at: moment,
                node: node,
                bucket: bucket,
                units: units,
                interval: definition.interval,
                burst: definition.burst
            )
        )
    }

    /// A node decides by other limits from now on: its buckets begin anew.
    mutating func limitsChanged(_ node: Int) { own = own.filter { $0.key.node != node } }

    /// From now on these are connected, each group by itself; it has at least two nodes.
    mutating func connected(_ groups: [[Int]], at moment: Moment) throws(HistoryFault) {
        try look()
        self.groups = groups
        began = moment
    }

    /// Looks at what the groups have admitted since they are connected.
    private mutating func look() throws(HistoryFault) {
        defer { admissions.removeAll(keepingCapacity: true) }
        guard let delay, !admissions.isEmpty else { return }
        // Whoever began shortly before has been told by then, and what was admitted before that has been charged.
        let from = began + 1_000_000_000 + 4 * delay
        for group in groups {
            var buckets: [Bucket: [Admission]] = [:]
            for admission in admissions where admission.at >= from && group.contains(admission.node) {
                buckets[admission.bucket, default: []].append(admission)
            }
            // In an order that is the same in every process.
            let order = buckets.keys.sorted { ($0.limit.rawValue, $0.key.low) < ($1.limit.rawValue, $1.key.low) }
            for bucket in order {
                try look(buckets[bucket] ?? [], group, delay)
            }
        }
    }

    /// A bucket that got all of it in order is as full as for the worst of all intervals.
    private mutating func look(_ admissions: [Admission], _ group: [Int], _ delay: UInt64) throws(HistoryFault) {
        var tat: UInt64 = 0
        var first = 0
        for (place, admission) in admissions.enumerated() {
            // By the fastest clock.
            let interval = admission.interval - admission.interval * driftPPM / 1_000_000
            let now = admission.at.nanoseconds
            tat = max(tat, now) + admission.units * interval
            while admissions[first].at + delay < admission.at { first += 1 }
            var unheard: UInt64 = 0
            for other in admissions[first..<place] where other.node != admission.node { unheard += other.units }
            let bound = now + (admission.burst + unheard + 1) * interval
            guard tat <= bound else {
                throw HistoryFault(
                    promise: "EventualPromise",
                    detail: "nodes \(group) together: \((tat - bound) / interval + 1) units too many of limit "
                        + "\(admission.bucket.limit.rawValue), with \(unheard) that node \(admission.node) may not have heard of"
                )
            }
            together += 1
        }
    }

    /// The run is over.
    mutating func finish() throws(HistoryFault) { try connected([], at: began) }
}
