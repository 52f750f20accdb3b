import Paxos
import TestSupport
import Testing
import Wire

struct EncodingTests {
    static let messages: [PaxosMessage] = [
        .prepare(ballot(1, 2)),
        .promise(ballot(Ballot.roundMax, 2), accepted: nil),
        .promise(ballot(3, 2), accepted: proposal(2, 1, 9)),
        .accept(Proposal(ballot: ballot(3, 2), value: [])),
        .accept(Proposal(ballot: ballot(3, 2), value: Array(repeating: 7, count: Proposal.valueBytesMax))),
        .accepted(proposal(3, 2, 1)),
        .refused(ballot(3, 2), promised: ballot(4, 1)),
    ]

    @Test func `a message comes back as it was`() throws {
        for message in Self.messages {
            let bytes = message.encode()
            #expect(try PaxosMessage(decoding: bytes) == message)
            #expect(bytes.count <= PaxosMessage.bytesMax)
        }
    }

    @Test func `every shorter and every longer message is refused`() {
        for message in Self.messages {
            let bytes = message.encode()
            for count in Array(0..<min(bytes.count, 120)) + [bytes.count - 1] {
                #expect(throws: PaxosDecodingError.self) { try PaxosMessage(decoding: Array(bytes[..<count])) }
            }
            #expect(throws: PaxosDecodingError.malformed(.trailingBytes(count: 1))) {
                try PaxosMessage(decoding: bytes + [0])
            }
        }
    }

    @Test func `a message that no proposer sends is refused`() {
        #expect(throws: PaxosDecodingError.unknownMessage(tag: 0)) { try PaxosMessage(decoding: [0]) }
        #expect(throws: PaxosDecodingError.unknownMessage(tag: 6)) { try PaxosMessage(decoding: [6]) }
        #expect(throws: PaxosDecodingError.invalid(field: "round")) {
            try PaxosMessage(decoding: PaxosMessage.prepare(ballot(0, 1)).encode())
        }
        #expect(throws: PaxosDecodingError.invalid(field: "round")) {
            try PaxosMessage(decoding: PaxosMessage.prepare(ballot(Ballot.roundMax + 1, 1)).encode())
        }
        let long = Proposal(ballot: ballot(1, 1), value: Array(repeating: 7, count: Proposal.valueBytesMax + 1))
        #expect(
            throws: PaxosDecodingError.malformed(.tooLong(length: 65_537, limit: Proposal.valueBytesMax))
        ) { try PaxosMessage(decoding: PaxosMessage.accept(long).encode()) }
    }

    @Test func `changed bytes give an error or another message, never a trap`() {
        var generator = Seeded(seed())
        for _ in 0..<20_000 {
            var bytes = Self.messages[Int(generator.below(4))].encode()
            for _ in 0...generator.below(3) {
                bytes[Int(generator.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard let message = try? PaxosMessage(decoding: bytes) else { continue }
            #expect(message.encode() == bytes)
        }
    }

    @Test func `an acceptor's state comes back as it was`() throws {
        var acceptor = Acceptor()
        #expect(try AcceptorState(decoding: AcceptorState().encode()) == AcceptorState())
        _ = acceptor.prepareReceived(ballot(1, 1))
        #expect(try AcceptorState(decoding: acceptor.state.encode()) == acceptor.state)
        _ = acceptor.acceptReceived(
            Proposal(ballot: ballot(2, 1), value: Array(repeating: 7, count: Proposal.valueBytesMax))
        )
        _ = acceptor.prepareReceived(ballot(3, 1))
        let bytes = acceptor.state.encode()
        #expect(try AcceptorState(decoding: bytes) == acceptor.state)
        #expect(bytes.count == AcceptorState.bytesMax)
    }

    @Test func `a state that no acceptor was in is refused`() {
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(proposal(5, 1, 7))
        var bytes = acceptor.state.encode()
        for count in 0..<bytes.count {
            #expect(throws: PaxosDecodingError.self) { try AcceptorState(decoding: Array(bytes[..<count])) }
        }
        #expect(throws: PaxosDecodingError.unsupportedFormat(9)) {
            try AcceptorState(decoding: [9] + bytes.dropFirst())
        }
        // The promise's round, below the round of what was accepted.
        bytes[9] = 4
        #expect(throws: PaxosDecodingError.invalid(field: "promised")) { try AcceptorState(decoding: bytes) }
        // No promise at all.
        #expect(throws: PaxosDecodingError.invalid(field: "promised")) {
            try AcceptorState(decoding: [1, 0] + acceptor.state.encode().dropFirst(26))
        }
    }
}
