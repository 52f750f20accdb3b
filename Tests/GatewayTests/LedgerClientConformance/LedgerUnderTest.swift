import Ledger
import NIOCore
import Testing

// One suite for everything that serves the port `LedgerClient`. It knows the port and nothing behind it: what is to be
// tested is made by a factory, and is added to the list in `LedgerFactories.swift`.

/// A ledger with several clients, each on an event loop of its own.
protocol LedgerUnderTest: Sendable {
    /// The clients; each is to be used on its own loop. All of them see one ledger.
    var clients: [NIOLoopBound<any LedgerClient>] { get }

    /// How many commands, submitted in one turn of a loop, are more than a client takes; nil where there is no such number.
    var overloadingCommands: Int? { get }

    /// Lets replicated time pass, by as much and no more.
    ///
    /// - Returns: false where that cannot be done; what a test says of the passage of time is then left out.
    func advance(nanoseconds: UInt64) async -> Bool

    /// Ends the ledger and its loops.
    func shutDown() async throws
}

/// Makes an empty ledger, at revision 0, for each test.
struct LedgerFactory: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable (_ clients: Int) async throws -> any LedgerUnderTest

    var testDescription: String { name }

    /// Runs a body with a ledger of its own.
    func with(clients: Int = 4, _ body: (any LedgerUnderTest) async throws -> Void) async throws {
        let ledger = try await make(clients)
        do { try await body(ledger) } catch {
            try await ledger.shutDown()
            throw error
        }
        try await ledger.shutDown()
    }
}

extension LedgerUnderTest {
    /// Runs a body on a client's loop.
    func on<R: Sendable>(_ client: Int, _ body: @escaping @Sendable (any LedgerClient) throws -> R) async throws -> R {
        let bound = clients[client]
        return try await bound.eventLoop.submit { try body(bound.value) }.get()
    }

    /// Submits in one call, and waits for the results.
    func submit(_ client: Int, _ commands: [Command]) async throws -> [CommandResult] {
        try await enqueue(client, commands).get()
    }

    /// Submits in one call; the future has the results. May be called many times before any is awaited.
    func enqueue(_ client: Int, _ commands: [Command]) -> EventLoopFuture<[CommandResult]> {
        let bound = clients[client]
        return bound.eventLoop.flatSubmit {
            let promise = bound.eventLoop.makePromise(of: [CommandResult].self)
            bound.value.submit(commands) { promise.completeWith($0.mapError { $0 }) }
            return promise.futureResult
        }
    }

    /// Sets the policies of the tests and returns what the ledger makes of them.
    func found(_ limits: [LimitDefinition]) async throws -> PolicyFacts {
        let policy = PolicyDefinition(name: "api", maxKeys: 10_000, limits: limits)
        let result = try await submit(0, [.setPolicies(expectedRevision: 0, policies: [policy])])
        #expect(result == [.policiesSet(revision: 1)])
        let facts = try await on(0) { $0.facts }
        return try #require(facts.policies.first { $0.name == "api" })
    }
}

extension LimitDefinition {
    /// So many units, at most 1,280,000, and then one an hour: nothing comes back while a test runs.
    static func free(burst: UInt64, key: String = "client", role: LimitRole = .free) -> LimitDefinition {
        LimitDefinition(role: role, key: key, interval: 3_600_000_000_000, burst: burst)
    }
}

extension PolicyFacts {
    /// A charge of these limits, by their places, for one key.
    func charge(_ places: [Int] = [0], key: UInt64 = 1, cost: UInt32 = 1, pass: PassCharge? = nil) -> Command {
        let key = QuotaKey(high: 7, low: key)
        return .charge(
            Charge(
                policy: id,
                cost: cost,
                pass: pass,
                limits: places.map { LimitCharge(limit: limits[$0].id, key: key, fallback: key, reserve: 0) }
            )
        )
    }

    /// A spend of a challenge that was issued at the beginning of time and lives for a month.
    func spend(_ challenge: UInt64, grants: UInt32 = 10, key: QuotaKey? = nil) -> Spend {
        Spend(
            challenge: ChallengeID(high: 8, low: challenge),
            policy: id,
            issued: .zero,
            challengeLifetime: LedgerBounds.lifetimeSeconds,
            passLifetime: LedgerBounds.lifetimeSeconds,
            grants: grants,
            binding: 5,
            idempotencyKey: key
        )
    }

    /// The pass that a spend opens, as a charge shows it.
    func pass(of spend: Spend) -> PassCharge {
        PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
    }
}

extension CommandResult {
    var isAdmitted: Bool { if case .charged(.admitted) = self { true } else { false } }
    var isRefused: Bool { if case .charged(.refused) = self { true } else { false } }
    var spendOutcome: SpendOutcome? { if case .spent(let outcome) = self { outcome } else { nil } }
    /// The buckets after a charge, whatever became of it.
    var states: [LimitState] {
        switch self {
        case .charged(.admitted(let limits, _)), .charged(.refused(_, _, let limits)): limits
        default: []
        }
    }
}
