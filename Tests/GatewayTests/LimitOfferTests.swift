import Ledger
import Testing

@testable import Gateway

/// Limits that nodes offer, one after the other.
struct LimitOfferTests {
    private func limit(_ key: String, _ burst: UInt64) -> LimitDefinition {
        LimitDefinition(role: .free, key: key, interval: 1_000_000_000, burst: burst)
    }

    private func policy(_ limits: [LimitDefinition]) -> [PolicyDefinition] {
        [PolicyDefinition(name: "p", maxKeys: 100, limits: limits)]
    }

    @Test func `limits that a file has no more are retired`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 1)
        let client = ledger.clients[0]
        let offer = LimitOffer(client: client)
        try await offer.set(policy([limit("client", 5), limit("all", 9)]))
        try await offer.add(policy([limit("client", 7)]))
        let both = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(both == policy([limit("client", 7), limit("all", 9)]))
        try await offer.retire(allBut: policy([limit("client", 7)]))
        let held = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(held == policy([limit("client", 7)]))
        try await ledger.shutDown()
    }

    @Test func `limits that another node has offered since stay`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 1)
        let client = ledger.clients[0]
        let offer = LimitOffer(client: client)
        try await offer.set(policy([limit("client", 5)]))
        try await offer.add(policy([limit("client", 7)]))
        try await offer.add(policy([limit("client", 3)]))
        try await offer.retire(allBut: policy([limit("client", 7)]))
        let held = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(held == policy([limit("client", 3)]))
        try await ledger.shutDown()
    }
}
