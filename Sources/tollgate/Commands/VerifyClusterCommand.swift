import ArgumentParser
import Dispatch
import NIOCore
import NIOHTTP1
import Settings

/// `tollgate verify-cluster`: buys, spends and counts at an operator's own cluster, and says whether its promises hold.
struct VerifyClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-cluster",
        abstract: "Check at your own cluster that a solution buys once and that limits are one limit.",
        discussion: """
            Name a URL at every node, of a path under the policy that is to be verified: it is asked for many times with GET, \
            which reaches the service behind. It takes the nodes' gateways themselves, not a load balancer before them.

            limits: all nodes are asked at once, as one client, until each refuses; no more may come through than one limit \
            grants. spend once: challenges are solved, and each solution is handed in at all nodes at once; it buys one pass. \
            passes: a pass is spent at all nodes at once; it pays for as many requests as it grants.

            Asked over loopback it plays a client of its own, at a random address of 198.18.0.0/15, which is reserved for \
            tests; elsewhere it is whoever the nodes take it for, unless --client names an address and the nodes trust this \
            host to speak for its clients (X-Forwarded-For). With --admin or a configuration file the limit's own figures are \
            asked for; without, they are taken from the first answer's RateLimit fields.

            Example: tollgate verify-cluster --policy api http://127.0.0.1:8080/v1/items http://127.0.0.1:8081/v1/items

            Exit code 0 when every promise is seen to hold; 1 when one is broken, or could not be shown.
            """
    )

    @OptionGroup var options: AdminOptions
    @OptionGroup var solving: SolvingOptions
    @Option(help: "The policy (default: the only one, whose challenges need no name).") var policy: String?
    @Option(help: "The client's address to speak for, in X-Forwarded-For.") var client: String?
    @Option(help: "The site to ask for, in Host (default: the URLs').") var host: String?
    @Option(help: "Requests of each count at most.") var requests = 3_000
    @Option(help: "Seconds that each count takes at most.") var seconds = 30
    @Argument(help: "A URL at each node.") var urls: [String]

    func validate() throws {
        if urls.count > 16 { throw ValidationError("A cluster has at most 16 nodes here.") }
        for url in urls where HTTPURL(url) == nil { throw ValidationError("'\(url)' is not an http or https URL.") }
        if let client, IPAddress(client) == nil { throw ValidationError("'\(client)' is not an IP address.") }
        if !(1...100_000).contains(requests) { throw ValidationError("--requests is from 1 to 100000.") }
        if !(1...600).contains(seconds) { throw ValidationError("--seconds is from 1 to 600.") }
        if let host, host.isEmpty || !host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw ValidationError("'\(host)' is no host.")
        }
    }

    func run() async throws {
        let nodes = urls.compactMap { HTTPURL($0) }
        let client = client ?? (nodes.allSatisfy(Self.isLoopback) ? Self.randomClient() : nil)
        var headers = HTTPHeaders()
        if let client { headers.add(name: "X-Forwarded-For", value: client) }
        if let host { headers.add(name: "Host", value: host) }
        let cluster = VerifiedCluster(urls: nodes, headers: headers, timeout: .seconds(15))
        var verdicts: [Verdict] = []
        func tell(_ verdict: Verdict) throws {
            verdicts.append(verdict)
            try LostOutput.check(Terminal.line(verdict.line))
        }
        let quota = try await quota(of: client)
        try tell(await LimitCheck(cluster: cluster, quota: quota, requestsMax: requests, deadline: deadline).run())
        let (verdict, pass) = await SpendOnceCheck(cluster: cluster, policy: policy, solving: solving).run()
        try tell(verdict)
        if let pass {
            try tell(await PassCheck(cluster: cluster, pass: pass, requestsMax: requests, deadline: deadline).run())
        } else {
            try tell(Verdict(promise: "passes", standing: .notShown, detail: "there is no pass to spend"))
        }
        if verdicts.contains(where: { $0.standing != .holds }) { throw ExitCode(1) }
    }

    private var deadline: DispatchTime { .now() + .seconds(seconds) }

    /// How the client stands, where somebody is named who knows.
    private func quota(of client: String?) async throws -> QuotaDocument? {
        let named = options.admin ?? options.config ?? AdminTarget.environment(AdminTarget.addressVariable)
        guard named != nil else { return nil }
        guard let policy, let client else {
            Terminal.error("warning: the admin interface is not asked: it takes --policy and --client to know for what")
            return nil
        }
        let path = "/v1/quotas/\(ClusterOperation.segment(policy))/\(ClusterOperation.segment(client))"
        return try AdminAsking.read(try await AdminAsking.body(options, .GET, path), QuotaDocument.read)
    }

    private static func isLoopback(_ url: HTTPURL) -> Bool {
        url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.") && IPAddress(url.host) != nil
    }

    /// An address that nobody has (RFC 2544).
    private static func randomClient() -> String {
        "198.\(Int.random(in: 18...19)).\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
    }
}
