import TestSupport
import Testing
import Wire

@testable import Raft

@Suite struct EncodingTests {
    static let configuration = Configuration(
        members: (1...4).map { Group.member(Group.id($0)) },
        voters: [Group.id(1), Group.id(2)],
        outgoing: [Group.id(2), Group.id(3)],
        learners: [Group.id(4)],
        learnersNext: [Group.id(3)]
    )

    static let bodies: [Message.Body] = {
        let position = Harness.position(3, 7)
        let snapshot = SnapshotDescription(position: position, configuration: configuration, bytes: 3)
        let entries = [
            Entry(position: Harness.position(3, 8), payload: .noOperation),
            Entry(position: Harness.position(3, 9), payload: .command([1, 2, 3])),
            Entry(position: Harness.position(4, 10), payload: .command([])),
            Entry(position: Harness.position(4, 11), payload: .configuration(configuration)),
        ]
        return [
            .voteRequest(VoteRequest(isPreVote: true, last: position, isTransfer: false)),
            .voteRequest(VoteRequest(isPreVote: false, last: position, isTransfer: true)),
            .voteResponse(VoteResponse(isPreVote: false, granted: true)),
            .appendRequest(AppendRequest(previous: position, entries: entries, commit: LogIndex(9))),
            .appendRequest(AppendRequest(previous: .zero, entries: [], commit: .zero)),
            .appendResponse(.accepted(through: LogIndex(.max))),
            .appendResponse(.rejected(previous: LogIndex(9), hint: position)),
            .heartbeatRequest(HeartbeatRequest(commit: LogIndex(4), round: 5)),
            .heartbeatResponse(HeartbeatResponse(round: 5)),
            .snapshotRequest(SnapshotRequest(snapshot: snapshot, offset: 1, length: 2, data: [8, 9])),
            .snapshotResponse(SnapshotResponse(position: position, outcome: .received(5))),
            .snapshotResponse(SnapshotResponse(position: position, outcome: .installed(through: LogIndex(7)))),
            .snapshotResponse(SnapshotResponse(position: position, outcome: .refused)),
            .readIndexRequest(context: 77),
            .readIndexResponse(context: 77, index: LogIndex(4)),
            .readIndexResponse(context: 77, index: nil),
            .timeoutNow,
        ]
    }()

    static let messages = bodies.map { Harness.message(from: 2, term: 5, $0) }

    @Test(arguments: messages) func aMessageIsReadAsItWasWritten(_ message: Message) throws {
        #expect(try Message(decoding: message.encode()) == message)
    }

    @Test(arguments: messages) func aMessageThatIsCutShortOrGoesOnIsRefused(_ message: Message) {
        let bytes = message.encode()
        for count in bytes.indices {
            #expect(throws: RaftDecodingError.self) { try Message(decoding: Array(bytes[..<count])) }
        }
        #expect(throws: RaftDecodingError.self) { try Message(decoding: bytes + [0]) }
    }

    /// Whatever is read is written as the same bytes: no message has two forms.
    @Test func aMessageHasOneForm() {
        var random = Xoshiro256(seed: seed())
        var read = 0
        for _ in 0..<20_000 {
            var bytes = Self.messages[random.inRange(0...Self.messages.count - 1)].encode()
            for _ in 0..<random.inRange(1...3) {
                bytes[random.inRange(0...bytes.count - 1)] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let message = try? Message(decoding: bytes) else { continue }
            read += 1
            #expect(message.encode() == bytes)
        }
        #expect(read > 1_000)
    }

    @Test func anotherVersionIsRefused() {
        var bytes = Self.messages[0].encode()
        bytes[0] = 2
        #expect(throws: RaftDecodingError.unknownVersion(2)) { try Message(decoding: bytes) }
        bytes[0] = 1
        bytes[1] = 99
        #expect(throws: RaftDecodingError.unknownKind(99)) { try Message(decoding: bytes) }
    }

    @Test func entriesDoNotPassTheLastIndex() {
        let message = Harness.message(
            from: 2,
            term: 1,
            .appendRequest(AppendRequest(previous: .zero, entries: Harness.entries([1]), commit: .zero))
        )
        var bytes = message.encode()
        // The index of `previous`, after version, kind, two ids, two terms.
        for offset in 50..<58 { bytes[offset] = 0xFF }
        #expect(throws: RaftDecodingError.indexOutOfRange) { try Message(decoding: bytes) }
    }

    @Test func aPayloadIsReadAsItWasWritten() throws {
        let payloads: [Entry.Payload] = [
            .noOperation, .command([]), .command([0, 1]), .configuration(Self.configuration),
        ]
        for payload in payloads {
            #expect(try Entry.Payload(decoding: payload.encode()) == payload)
        }
        for bytes: [UInt8] in [[], [0], [1, 0], [3], [9, 9], [3] + Configuration.empty.encode()] {
            #expect(throws: RaftDecodingError.self) { try Entry.Payload(decoding: bytes) }
        }
    }

    @Test func aMembershipThatContradictsItselfIsRefused() throws {
        #expect(try Configuration(decoding: Self.configuration.encode()) == Self.configuration)
        #expect(try Configuration(decoding: Configuration.empty.encode()) == .empty)
        let ids = (1...4).map(Group.id)
        let members = ids.map(Group.member)
        let wrong: [Configuration] = [
            Configuration(members: members, voters: []),
            Configuration(members: members, voters: Array(ids[..<3])),
            Configuration(members: members.reversed(), voters: ids),
            Configuration(members: members, voters: ids.reversed()),
            Configuration(members: members, voters: ids, learners: [ids[0]]),
            Configuration(members: Array(members[..<3]), voters: ids),
            Configuration(members: members, voters: ids, learnersNext: [ids[0]]),
            Configuration(members: members, voters: [ids[0], ids[0], ids[1]], learners: Array(ids[2...])),
            Configuration(members: [], voters: [ids[0]]),
            Configuration(
                members: [Member(id: ids[0], name: String(repeating: "x", count: 256), address: "")],
                voters: [ids[0]]
            ),
        ]
        for configuration in wrong {
            #expect(!configuration.isWellFormed)
            #expect(throws: RaftDecodingError.self) { try Configuration(decoding: configuration.encode()) }
        }
    }

    @Test func aSnapshotsDescriptionIsReadAsItWasWritten() throws {
        let description = SnapshotDescription(
            position: Harness.position(3, 9),
            configuration: Self.configuration,
            bytes: 1 << 40
        )
        #expect(try SnapshotDescription(decoding: description.encode()) == description)
    }
}
