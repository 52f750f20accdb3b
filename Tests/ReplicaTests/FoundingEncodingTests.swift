import Foundation
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

struct FoundingEncodingTests {
    static func member(_ number: UInt64, _ name: String) -> Member {
        Member(id: FoundingGroup.replica(number), name: name, address: "\(name):1")
    }

    static func value(_ members: [Member]) -> FoundingValue {
        FoundingValue(
            cluster: ClusterID(high: 1, low: 2),
            secret: Array(repeating: 3, count: 32),
            ledgerVersion: 4,
            maxRecords: 5,
            members: members
        )
    }

    static let small = value([member(1, "a"), member(2, "b")])
    /// As many members as there may be, with the longest names.
    static let large: FoundingValue = {
        let members = (0..<UInt64(Configuration.membersMax)).map { number in
            let name = String(repeating: "x", count: Configuration.nameBytesMax - 2) + (number < 10 ? "0" : "")
            return Member(id: FoundingGroup.replica(number), name: name + "\(number)", address: name + "\(number)")
        }
        return value(members)
    }()

    static func record(_ stage: FoundingRecord.Stage) -> FoundingRecord {
        var record = FoundingRecord(
            replica: FoundingGroup.replica(7),
            instance: FoundingInstance(FoundingGroup.seeds(["a", "b"]))
        )
        record.round = 9
        record.stage = stage
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(
            Proposal(ballot: Ballot(round: 3, replica: FoundingGroup.replica(2)), value: small.encode())
        )
        record.acceptor = acceptor.state
        return record
    }

    static let records = [
        record(.voting), record(.decided(small)), record(.decided(large)),
        record(.waiting(ClusterID(high: 5, low: 6), members: [])),
        record(.waiting(ClusterID(high: 5, low: 6), members: large.members)),
        record(.member(ClusterID(high: 5, low: 6))),
    ]

    static func message(_ body: FoundingMessage.Body, to: UInt64? = 8) -> FoundingMessage {
        FoundingMessage(
            from: FoundingGroup.replica(7),
            sender: "node",
            to: to.map(FoundingGroup.replica),
            instance: FoundingInstance(FoundingGroup.seeds(["a", "b"])),
            body: body
        )
    }

    static let messages: [FoundingMessage] = [
        message(.hello(.init(seeds: FoundingGroup.seeds(["a", "b"]).seeds, ledgerVersion: 3, asks: true)), to: nil),
        message(.hello(.init(seeds: [], ledgerVersion: 0, asks: false, isDisputed: true, isStuck: true))),
        message(.vote(.prepare(Ballot(round: 1, replica: FoundingGroup.replica(2))))),
        message(
            .vote(.accept(Proposal(ballot: Ballot(round: 1, replica: FoundingGroup.replica(2)), value: small.encode())))
        ),
        message(.decided(ClusterID(high: 5, low: 6), members: small.members)),
        message(.decided(ClusterID(high: 5, low: 6), members: large.members)),
        message(
            .hello(
                .init(
                    seeds: large.members.map { FoundingSeed(name: $0.name, address: $0.address) },
                    ledgerVersion: 3,
                    asks: true
                )
            )
        ),
    ]

    @Test func `what is written is read as it was, and is as long as it may be`() throws {
        for value in [Self.small, Self.large] {
            #expect(try FoundingValue(decoding: value.encode()) == value)
            #expect(value.encode().count <= Proposal.valueBytesMax)
        }
        for record in Self.records {
            #expect(try FoundingRecord(decoding: record.encode()) == record)
            #expect(record.encode().count <= FoundingRecord.bytesMax)
        }
        for message in Self.messages {
            #expect(try FoundingMessage(decoding: message.encode()) == message)
            #expect(message.encode().count <= FoundingMessage.bytesMax)
        }
    }

    @Test func `what is shorter or longer is refused`() {
        func check(_ bytes: [UInt8], _ decode: ([UInt8]) throws -> Void) {
            for count in Array(0..<min(bytes.count, 400)) + [bytes.count - 1] {
                #expect(throws: FoundingDecodingError.self) { try decode(Array(bytes[..<count])) }
            }
            #expect(throws: FoundingDecodingError.self) { try decode(bytes + [0]) }
        }
        check(Self.small.encode()) { _ = try FoundingValue(decoding: $0) }
        for record in Self.records { check(record.encode()) { _ = try FoundingRecord(decoding: $0) } }
        for message in Self.messages { check(message.encode()) { _ = try FoundingMessage(decoding: $0) } }
    }

    @Test func `a value that no snapshot can be made of is refused`() {
        let good = Self.small
        func refused(_ value: FoundingValue) -> FoundingDecodingError? {
            do { _ = try FoundingValue(decoding: value.encode()) } catch { return error }
            return nil
        }
        var other = good
        other.maxRecords = 0
        #expect(refused(other) == .invalid(field: "maxRecords"))
        other.maxRecords = .max
        #expect(refused(other) == .invalid(field: "maxRecords"))
        other = good
        other.ledgerVersion = 0
        #expect(refused(other) == .invalid(field: "ledgerVersion"))
        #expect(refused(Self.value([])) == .invalid(field: "members"))
        #expect(refused(Self.value([Self.member(1, "a"), Self.member(1, "b")])) == .invalid(field: "members"))
        #expect(refused(Self.value([Self.member(1, "a"), Self.member(2, "a")])) == .invalid(field: "members"))
        #expect(refused(Self.value([Self.member(1, "")])) == .invalid(field: "name"))
        let many = (0..<65).map { Self.member(UInt64($0), "n\($0)") }
        #expect(refused(Self.value(many)) == .malformed(.tooLong(length: 65, limit: 64)))
    }

    @Test func `changed bytes give an error or what they say, never a trap`() {
        let seed =
            ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap(UInt64.init) ?? .random(in: .min ... .max)
        print("\(#function): TOLLGATE_SEED=\(seed)")
        var generator = Xoshiro256(seed: seed)
        let records = Self.records.map { $0.encode() }
        let messages = Self.messages.map { $0.encode() }
        for _ in 0..<4_000 {
            func changed(_ all: [[UInt8]]) -> [UInt8] {
                var bytes = all[Int(generator.below(UInt64(all.count)))]
                for _ in 0...generator.below(3) {
                    bytes[Int(generator.below(UInt64(min(bytes.count, 200))))] = UInt8(
                        truncatingIfNeeded: generator.next()
                    )
                }
                return bytes
            }
            let record = changed(records)
            if let read = try? FoundingRecord(decoding: record) { #expect(read.encode() == record) }
            let message = changed(messages)
            if let read = try? FoundingMessage(decoding: message) { #expect(read.encode() == message) }
        }
    }

    @Test func `every alarm and every refusal is a sentence that says what to do`() {
        let alarms: [FoundingAlarm] = [
            .seedsDiffer(node: "b", onlyHere: [FoundingGroup.seed("c")], onlyThere: []),
            .disputed(["b"]), .silent(["b", "c"]),
            .seedLost(node: "b", voted: FoundingGroup.replica(1), present: FoundingGroup.replica(2)),
            .stuck(["b"]), .sameReplica(["a", "b"]), .waitsToBeAdmitted(ClusterID(high: 0xAB, low: 1)),
        ]
        #expect(alarms[0].explanation.contains("only here are c (c.example:7400); only there are nothing"))
        #expect(alarms[6].explanation.contains("00000000000000ab0000000000000001"))
        let refusals: [FoundingRefusal] = [
            .noSeeds, .tooManySeeds(count: 65), .badName("x"), .badAddress("x"), .repeatedName("x"),
            .repeatedAddress("x"), .notASeed(name: "x"), .seedsChanged,
        ]
        for sentence in alarms.map(\.explanation) + refusals.map(\.explanation) {
            #expect(sentence.hasSuffix("."))
            #expect(!sentence.contains("\n"))
        }
    }
}
