import Dispatch
import NIOConcurrencyHelpers
import NIOHTTP1
import Settings

/// Whether a free limit is one limit at all nodes together: asks all of them at once, as one client, until each refuses, and
/// counts what came through.
struct LimitCheck {
    private static let promise = "limits"
    /// Requests under way at each node.
    private static let workers = 4
    /// Refusals after which a node is taken to be at the limit.
    private static let refusalsEnough = 4
    /// Within which nodes of an eventual policy tell each other what they let through, with their delay, in nanoseconds.
    private static let exchange: UInt64 = 200_000_000

    let cluster: VerifiedCluster
    /// As the admin interface tells it; nil where it was not asked.
    let quota: QuotaDocument?
    let requestsMax: Int
    let deadline: DispatchTime

    private struct Tally {
        var sent = 0
        var admissions = AdmissionTimes()
        var refusals: [Int]
        var undecided = 0
        var strange: String?

        var isAtTheLimit: Bool { refusals.allSatisfy { $0 >= LimitCheck.refusalsEnough } }
    }

    func run() async -> Verdict {
        let began = DispatchTime.now().uptimeNanoseconds
        let first: VerifiedCluster.Answer
        do { first = try await cluster.ask(0) } catch {
            return notShown("\(cluster.name(0)): \(error)")
        }
        let ended = DispatchTime.now().uptimeNanoseconds
        guard first.isAdmitted else {
            return notShown("the first request was refused already, \(first.words): try another --client, or wait")
        }
        guard let bounds = bounds(first), !bounds.isEmpty else {
            return notShown("\(cluster.urls[0].target) is not charged to free limits: name another path in the URLs")
        }
        let box = NIOLockedValueBox(Tally(refusals: Array(repeating: 0, count: cluster.urls.count)))
        box.withLockedValue {
            $0.sent = 1
            $0.admissions.add(node: 0, sent: began, answered: ended)
        }
        await withTaskGroup(of: Void.self) { group in
            for node in cluster.urls.indices {
                for _ in 0..<Self.workers { group.addTask { await work(node, box) } }
            }
        }
        return verdict(box.withLockedValue { $0 }, bounds, began: began)
    }

    /// One request after another, until all nodes are at the limit.
    private func work(_ node: Int, _ box: NIOLockedValueBox<Tally>) async {
        while DispatchTime.now() < deadline {
            let goesOn = box.withLockedValue { tally in
                guard tally.sent < requestsMax, !tally.isAtTheLimit, tally.strange == nil else { return false }
                tally.sent += 1
                return true
            }
            guard goesOn else { return }
            let sent = DispatchTime.now().uptimeNanoseconds
            let answer: VerifiedCluster.Answer
            do { answer = try await cluster.ask(node) } catch {
                box.withLockedValue { $0.strange = $0.strange ?? "\(cluster.name(node)): \(error)" }
                return
            }
            let answered = DispatchTime.now().uptimeNanoseconds
            let isRefused = box.withLockedValue { tally in
                if answer.isAdmitted {
                    tally.admissions.add(node: node, sent: sent, answered: answered)
                    return false
                }
                switch answer.problem {
                case "work-required", "over-limit": tally.refusals[node] += 1
                case "no-quorum": tally.undecided += 1
                default: tally.strange = tally.strange ?? "\(cluster.name(node)) answered \(answer.words)"
                }
                return true
            }
            // Others come to their limit meanwhile.
            if isRefused { try? await Task.sleep(for: .milliseconds(50)) }
        }
    }

    /// The free limits that the first request was charged to.
    private func bounds(_ first: VerifiedCluster.Answer) -> [LimitBound]? {
        if let quota {
            return quota.limits.filter { $0.name.hasPrefix("free") }.compactMap { limit in
                guard let terms = try? FigureText.terms(rate: limit.rate, burst: limit.burst) else { return nil }
                return LimitBound(
                    name: limit.name,
                    burst: limit.burst,
                    rate: 1e9 / Double(terms.interval),
                    lends: quota.consistency == "escrow"
                )
            }
        }
        let policy = first.items("ratelimit-policy")
        let (quotas, windows) = (policy.values("q"), policy.values("w"))
        return first.remaining.filter { $0.key.hasPrefix("free") }.sorted { $0.key < $1.key }.compactMap { name, left in
            guard let quota = quotas[name], let window = windows[name], window > 0 else { return nil }
            // What it took itself was there too.
            return LimitBound(name: name, burst: left + 1, rate: Double(quota) / Double(window), lends: true)
        }
    }

    private func verdict(_ tally: Tally, _ bounds: [LimitBound], began: UInt64) -> Verdict {
        let admitted = UInt64(tally.admissions.all.count)
        let last = tally.admissions.all.map(\.answered).max() ?? began
        let seconds = Double(last - began) / 1e9
        let nodes = UInt64(cluster.urls.count)
        let excess = quota?.consistency == "eventual" ? (nodes - 1) * tally.admissions.most(within: Self.exchange) : 0
        let tightest = bounds.min { $0.allowed(seconds) < $1.allowed(seconds) }
        guard let tightest else { return notShown("there is no free limit") }
        let allowed = tightest.allowed(seconds) + excess
        let level = quota.map(\.consistency) ?? "escrow, as --admin would tell"
        let figures =
            "\(admitted) of \(tally.sent) requests came through \(nodes) nodes in \(Self.text(seconds)) s; one limit lets "
            + "\(allowed) through (\(tightest.name), bursts of \(tightest.burst), \(level))"
        if admitted > allowed {
            let detail = "\(figures): each node may count by itself"
            return Verdict(promise: Self.promise, standing: .broken, detail: detail)
        }
        if let strange = tally.strange { return notShown(strange) }
        guard tally.isAtTheLimit else {
            let others = cluster.urls.indices.filter { tally.refusals[$0] < Self.refusalsEnough }.map(cluster.name)
            let undecided = tally.undecided > 0 ? "; \(tally.undecided) were answered no-quorum" : ""
            return notShown(
                "\(figures), but \(others.joined(separator: ", ")) hardly refused any: raise --requests, or see whether "
                    + "`enforce` is false\(undecided)"
            )
        }
        guard allowed < nodes * tightest.burst else {
            return notShown("\(figures): at this rate one limit cannot be told from \(nodes); verify a slower policy")
        }
        return Verdict(promise: Self.promise, standing: .holds, detail: figures)
    }

    private func notShown(_ detail: String) -> Verdict {
        Verdict(promise: Self.promise, standing: .notShown, detail: detail)
    }

    /// Seconds with a tenth.
    private static func text(_ seconds: Double) -> String { "\((seconds * 10).rounded() / 10)" }
}
