import Cluster
import Gateway
import Ledger
import NIOHTTP1

/// A policy and a key of it, as a path names them. A value.
struct PolicyKey: Sendable {
    let policy: OperatorPolicy
    let key: OperatorPolicy.Key
    /// The version of commands that every member knows, as far as this node knows.
    let ledgerVersion: UInt32

    /// What the path does not name.
    struct Problem: Error {
        let answer: ControlAnswer
    }

    /// - Parameter parameters: the policy's name and the key, as they stand in the path.
    init(_ parameters: [Substring], _ admin: AdminCluster) throws(Problem) {
        guard let policyName = PathText.decoded(parameters[0]), let keyText = PathText.decoded(parameters[1]) else {
            throw Problem(answer: ClusterRoutes.badName)
        }
        let name: QuotaKeyName
        do throws(QuotaKeyName.Problem) {
            name = try QuotaKeyName(keyText)
        } catch {
            throw Self.badKey("In the key, \(error.explanation).")
        }
        guard let facts = admin.cluster.view.facts else {
            throw Problem(
                answer: ClusterRoutes.problem(.notMember("This node has no state yet: ask a member of the cluster."))
            )
        }
        do throws(OperatorPolicy.Problem) {
            policy = try OperatorPolicy(named: policyName, admin.configuration(), facts: facts)
        } catch {
            throw error.isForNow
                ? Problem(
                    answer: .problem(
                        .serviceUnavailable,
                        "not-yet",
                        title: "The policy is not in force",
                        detail: error.explanation
                    )
                )
                : Problem(
                    answer: .problem(
                        .notFound,
                        "unknown-policy",
                        title: "There is no such policy",
                        detail: error.explanation
                    )
                )
        }
        do throws(OperatorPolicy.Problem) {
            key = try policy.key(name)
        } catch {
            throw Problem(
                answer: .problem(
                    .notFound,
                    "no-such-key",
                    title: "The policy counts by no such key",
                    detail: error.explanation
                )
            )
        }
        ledgerVersion = facts.ledgerVersion
    }

    private static func badKey(_ detail: String) -> Problem {
        Problem(answer: .problem(.badRequest, "malformed", title: "The key is none", detail: detail))
    }
}
