import Dispatch
import NIOConcurrencyHelpers

/// Whether a pass pays for as many requests as were granted, and no more: spends it at all nodes at once, until none takes it.
struct PassCheck {
    private static let promise = "passes"
    /// Requests under way at each node.
    private static let workers = 4
    /// Requests that the pass does not pay for, after which it is taken to be used up at a node.
    private static let unpaidEnough = 4

    let cluster: VerifiedCluster
    let pass: BoughtPass
    let requestsMax: Int
    let deadline: DispatchTime

    private struct Tally {
        var sent = 0
        var paid = 0
        var unpaid: [Int]
        var overCeiling = 0
        var strange: String?

        var isUsedUp: Bool { unpaid.allSatisfy { $0 >= PassCheck.unpaidEnough } }
    }

    func run() async -> Verdict {
        guard WireToken.isToken(pass.pass) else { return notShown("what was bought is no token") }
        guard pass.grants < requestsMax else {
            return notShown("a pass grants \(pass.grants) requests: raise --requests above that")
        }
        let box = NIOLockedValueBox(Tally(unpaid: Array(repeating: 0, count: cluster.urls.count)))
        await withTaskGroup(of: Void.self) { group in
            for node in cluster.urls.indices {
                for _ in 0..<Self.workers { group.addTask { await work(node, box) } }
            }
        }
        let tally = box.withLockedValue { $0 }
        let figures =
            "\(tally.paid) of \(tally.sent) requests at \(cluster.urls.count) nodes were paid by a pass for \(pass.grants)"
        if tally.paid > pass.grants { return Verdict(promise: Self.promise, standing: .broken, detail: figures) }
        if let strange = tally.strange { return notShown(strange) }
        guard tally.paid > 0 else {
            let path = cluster.urls[0].target
            return notShown("\(path) takes no pass of this policy: name another path, or another --policy")
        }
        guard tally.isUsedUp, tally.paid == pass.grants else {
            let why = tally.overCeiling > 0 ? ": the ceiling refused \(tally.overCeiling), allow more --seconds" : ""
            return notShown("\(figures)\(why)")
        }
        return Verdict(promise: Self.promise, standing: .holds, detail: figures)
    }

    private func work(_ node: Int, _ box: NIOLockedValueBox<Tally>) async {
        while DispatchTime.now() < deadline {
            let goesOn = box.withLockedValue { tally in
                guard tally.sent < requestsMax, !tally.isUsedUp, tally.strange == nil else { return false }
                tally.sent += 1
                return true
            }
            guard goesOn else { return }
            let answer: VerifiedCluster.Answer
            do { answer = try await cluster.ask(node, adding: [("PoW-Pass", pass.pass)]) } catch {
                box.withLockedValue { $0.strange = $0.strange ?? "\(cluster.name(node)): \(error)" }
                return
            }
            let pause = box.withLockedValue { tally -> Int64 in
                switch answer.problem {
                case nil, "upstream-failed", "upstream-timeout", "upstream-unavailable":
                    if answer.remaining["pass"] != nil { tally.paid += 1 } else { tally.unpaid[node] += 1 }
                    return 0
                case "work-required":
                    tally.unpaid[node] += 1
                    return 50
                // The ceiling holds for paid requests too: they were charged nothing.
                case "over-limit":
                    tally.overCeiling += 1
                    return answer.retryAfter * 1_000
                default:
                    tally.strange = tally.strange ?? "\(cluster.name(node)) answered \(answer.words)"
                    return 0
                }
            }
            if pause > 0 { try? await Task.sleep(for: .milliseconds(pause)) }
        }
    }

    private func notShown(_ detail: String) -> Verdict {
        Verdict(promise: Self.promise, standing: .notShown, detail: detail)
    }
}
