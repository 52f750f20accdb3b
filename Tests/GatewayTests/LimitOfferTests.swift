import Ledger
import NIOCore
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
        try await offer.add(policy([limit("client", 5), limit("all", 9)]))
        let revision = try await offer.add(policy([limit("client", 7)]))
        let both = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(both == policy([limit("client", 7), limit("all", 9)]))
        try await offer.retire(allBut: policy([limit("client", 7)]), offeredAt: revision)
        let held = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(held == policy([limit("client", 7)]))
        try await ledger.shutDown()
    }

    @Test func `limits that another node has offered since stay, whatever they have in common`() async throws {
        let others = [[limit("client", 3)], [limit("client", 7), limit("all", 9)], [limit("client", 7)]]
        for other in others {
            let ledger = try await LocalLedgerUnderTest(clients: 1)
            let client = ledger.clients[0]
            let offer = LimitOffer(client: client)
            try await offer.add(policy([limit("client/24,/48", 5)]))
            let revision = try await offer.add(policy([limit("client", 7)]))
            let later = try await offer.add(policy(other))
            let before = try await client.eventLoop.submit { client.value.facts.definitions }.get()
            try await offer.retire(allBut: policy([limit("client", 7)]), offeredAt: revision)
            let held = try await client.eventLoop.submit { client.value.facts.definitions }.get()
            #expect(held == before)
            // The last word is whose offer was the last.
            try await offer.retire(allBut: policy(other), offeredAt: later)
            let last = try await client.eventLoop.submit { client.value.facts.definitions }.get()
            #expect(last == policy(other))
            try await ledger.shutDown()
        }
    }

    @Test func `as many nodes as there may be can offer limits at once`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 64)
        try await withThrowingTaskGroup(of: UInt64.self) { group in
            for (number, client) in ledger.clients.enumerated() {
                let definitions = [PolicyDefinition(name: "p\(number)", maxKeys: 100, limits: [])]
                group.addTask { try await LimitOffer(client: client).add(definitions) }
            }
            var revisions: Set<UInt64> = []
            for try await revision in group { revisions.insert(revision) }
            #expect(revisions.count == 64)
        }
        // Its answer comes after the facts.
        let client = ledger.clients[0]
        try await LimitOffer(client: client).add([PolicyDefinition(name: "p0", maxKeys: 100, limits: [])])
        let held = try await client.eventLoop.submit { client.value.facts.policies.count }.get()
        #expect(held == 64)
        try await ledger.shutDown()
    }

    @Test func `limits that do not fit beside the old ones take their place`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 1)
        let client = ledger.clients[0]
        let offer = LimitOffer(client: client)
        try await offer.add(policy((0..<9).map { limit("header:old-\($0)", 5) }))
        let new = policy((0..<9).map { limit("header:new-\($0)", 5) })
        try await offer.add(new)
        let held = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(held == new)
        let many = (0..<LedgerBounds.policies).map { PolicyDefinition(name: "q\($0)", maxKeys: 100, limits: []) }
        try await offer.add(many)
        let all = try await client.eventLoop.submit { client.value.facts.definitions }.get()
        #expect(all == many)
        try await ledger.shutDown()
    }

    private func inForce(_ client: NIOLoopBound<any LedgerClient>) async throws -> LimitsInForce {
        try await client.eventLoop.submit { client.value.facts.limitsInForce }.get()
    }

    private func expectSuperseded(_ body: () async throws -> UInt64) async {
        await #expect {
            _ = try await body()
        } throws: { error in
            if case Gateway.Problem.superseded = error { true } else { false }
        }
    }

    @Test func `limits that had to wait give way to those that another node has offered meanwhile`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 1)
        let client = ledger.clients[0]
        let offer = LimitOffer(client: client)
        try await offer.add(policy([limit("client", 5)]))
        let before = try await inForce(client)
        // Nobody has: they are taken, also once they are there.
        try await offer.add(policy([limit("client", 7)]), after: before)
        try await offer.add(policy([limit("client", 7)]), after: before)
        let own = try await inForce(client)
        try await offer.add(policy([limit("client", 3)]))
        await expectSuperseded { try await offer.add(policy([limit("client", 7)]), after: own) }
        #expect(try await inForce(client).definitions == policy([limit("client", 3)]))
        // Unless those are what this node itself had offered before, and never heard of again.
        try await offer.add(policy([limit("client", 7)]), after: own, orOwn: [policy([limit("client", 3)])])
        #expect(try await inForce(client).definitions == policy([limit("client", 7)]))
        try await ledger.shutDown()
    }

    @Test func `limits that had to wait do not follow another node's, though these hold them all`() async throws {
        let ledger = try await LocalLedgerUnderTest(clients: 1)
        let client = ledger.clients[0]
        let offer = LimitOffer(client: client)
        try await offer.add(policy([limit("client", 5)]))
        let before = try await inForce(client)
        try await offer.add(policy([limit("client", 7), limit("all", 9)]))
        let others = try await inForce(client)
        // To be retired with this revision would be the other node's.
        await expectSuperseded { try await offer.add(policy([limit("client", 7)]), after: before) }
        #expect(try await inForce(client) == others)
        try await ledger.shutDown()
    }

    @Test func `limits that had to wait follow what any former offers of this node have made`() async throws {
        let former = [policy([limit("all", 9)]), policy([limit("client", 6)]), policy([limit("client/24,/48", 8)])]
        for reached in 0..<8 {
            let ledger = try await LocalLedgerUnderTest(clients: 1)
            let client = ledger.clients[0]
            let offer = LimitOffer(client: client)
            try await offer.add(policy([limit("client", 5)]))
            let before = try await inForce(client)
            for (number, definitions) in former.enumerated() where reached & 1 << number != 0 {
                try await offer.add(definitions)
            }
            let held = try await inForce(client)
            try await offer.add(policy([limit("client", 7)]), after: before, orOwn: former)
            let after = try await inForce(client)
            #expect(after.revision == held.revision + 1)
            #expect(after.definitions == policy([limit("client", 7)]).with(held.definitions))
            // With anything of another node's besides, they do not.
            try await offer.add(policy([limit("header:x-key", 1)]))
            await expectSuperseded { try await offer.add(policy([limit("client", 7)]), after: before, orOwn: former) }
            try await ledger.shutDown()
        }
    }

    @Test func `limits that had to wait follow what a retirement has left of this node's own`() async throws {
        let old = policy([limit("client", 5)])
        let file = policy([limit("client/24,/48", 8)])
        let inVain = policy([limit("all", 9)])
        // Of those that were in force, and of those that were offered in vain and came into force all the same.
        for reached in [[file], [file, inVain]] {
            let ledger = try await LocalLedgerUnderTest(clients: 1)
            let client = ledger.clients[0]
            let offer = LimitOffer(client: client)
            try await offer.add(old)
            try await offer.add(file)
            let before = try await inForce(client)
            var revision = before.revision
            for definitions in reached.dropFirst() { revision = try await offer.add(definitions) }
            let left = reached.last ?? []
            try await offer.retire(allBut: left, offeredAt: revision)
            #expect(try await inForce(client).definitions == left)
            let new = policy([limit("client", 7)])
            await expectSuperseded { try await offer.add(new, after: before) }
            try await offer.add(new, after: before, orOwn: [file, inVain])
            #expect(try await inForce(client).definitions == new.with(left))
            try await ledger.shutDown()
        }
    }

    @Test func `limits in force are a file's, more than that, or others`() {
        let file = policy([limit("client", 5), limit("all", 9)])
        #expect(file.standing(of: file) == .same)
        #expect(file.standing(of: file + [PolicyDefinition(name: "q", maxKeys: 1, limits: [])]) == .more)
        #expect(file.standing(of: policy([limit("client", 5), limit("all", 9), limit("client/24,/48", 9)])) == .more)
        #expect(file.standing(of: policy([limit("client", 5)])) == .other)
        #expect(file.standing(of: policy([limit("client", 6), limit("all", 9)])) == .other)
        #expect(file.standing(of: []) == .other)
    }
}
