import FoundationEssentials
import NIOHTTP1

/// A pass, as it is answered for a solution.
struct BoughtPass: Decodable {
    let pass: String
    let grants: Int
}

/// Whether a solution buys one pass: hands the same ones in at all nodes at once.
struct SpendOnceCheck {
    private static let promise = "spend once"
    /// Solutions that are handed in.
    private static let solutions = 3
    /// How often each is handed in at each node at once.
    private static let copies = 2

    let cluster: VerifiedCluster
    let policy: String?
    let solving: SolvingOptions

    private struct Trouble: Error { let text: String }

    /// - Returns: the verdict, and one of the passes, where there is one.
    func run() async -> (Verdict, BoughtPass?) {
        var bought: BoughtPass?
        var handedIn = 0
        for number in 0..<Self.solutions {
            let offers: [(node: Int, answer: VerifiedCluster.Answer)]
            do {
                offers = try await offer(from: number % cluster.urls.count)
            } catch {
                return (notShown((error as? Trouble)?.text ?? "\(error)"), bought)
            }
            handedIn += offers.count
            let passes = offers.compactMap { $0.answer.head.status == .ok ? $0 : nil }
            if passes.count > 1 {
                let nodes = passes.map { cluster.name($0.node) }.joined(separator: ", ")
                return (broken("one solution bought \(passes.count) passes, at \(nodes)"), bought)
            }
            let others = offers.filter { $0.answer.head.status != .ok && $0.answer.problem != "already-spent" }
            if let other = others.first {
                let words = "\(cluster.name(other.node)) answered \(other.answer.words) to a solution that is good"
                return other.answer.head.status == .serviceUnavailable
                    ? (notShown("\(words): try again when there is a quorum"), bought)
                    : (broken("\(words): does it belong to the same cluster, and trust the same proxies?"), bought)
            }
            guard let pass = passes.first else {
                return (broken("nobody sold a pass for a solution that is good"), bought)
            }
            bought = try? JSONDecoder().decode(BoughtPass.self, from: Data(pass.answer.body))
        }
        return (
            Verdict(
                promise: Self.promise,
                standing: .holds,
                detail: "\(Self.solutions) solutions, handed in \(handedIn) times, bought \(Self.solutions) passes"
            ),
            bought
        )
    }

    /// Gets a challenge at one node, solves it, and hands it in at all of them at once, and once more when that is over.
    private func offer(from node: Int) async throws -> [(node: Int, answer: VerifiedCluster.Answer)] {
        let query = policy.map { "?policy=\(ClusterOperation.segment($0))" } ?? ""
        let answer = try await cluster.endpoint(node, .GET, "challenge\(query)")
        let document: ChallengeDocument
        do { document = try ChallengeDocument.read(json: answer.body) } catch {
            throw Trouble(text: "\(cluster.name(node)) gave no challenge, \(answer.words): \(error)")
        }
        let solution = try await ChallengeSolving.solve(document, options: solving)
        let body = ClusterOperation.object([("challenge", document.challenge), ("solution", solution)])
        var offers = try await handIn(body, copies: Self.copies)
        offers += try await handIn(body, copies: 1)
        return offers
    }

    private func handIn(_ body: String, copies: Int) async throws -> [(node: Int, answer: VerifiedCluster.Answer)] {
        try await withThrowingTaskGroup(of: (node: Int, answer: VerifiedCluster.Answer).self) { group in
            for node in cluster.urls.indices {
                for _ in 0..<copies {
                    group.addTask { [cluster] in
                        (node, try await cluster.endpoint(node, .POST, "redeem", body: body))
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func broken(_ detail: String) -> Verdict {
        Verdict(promise: Self.promise, standing: .broken, detail: detail)
    }

    private func notShown(_ detail: String) -> Verdict {
        Verdict(promise: Self.promise, standing: .notShown, detail: detail)
    }
}
