import Ledger
import Raft
import Testing
import Wire

@testable import Replica

@Suite("Messages of peers") struct PeerMessageTests {
    private let one = ReplicaID(high: 1, low: 2)
    private let other = ReplicaID(high: 3, low: 4)

    private var payloads: [PeerMessage.Payload] {
        let position = LogPosition(term: Term(4), index: LogIndex(9))
        return [
            .raft(Message(from: one, to: other, term: Term(3), body: .timeoutNow)),
            .forward([1, 2, 3]),
            .checkpoint(LogIndex(1_024), LedgerDigest(high: 5, low: 6)),
            .stateRequest(nil, atLeast: LogIndex(3), offset: 0),
            .stateRequest(position, atLeast: LogIndex(3), offset: 77),
            .statePart(.init(position: position, bytes: 100, offset: 5, data: [9, 8, 7])),
        ]
    }

    private func message(_ payload: PeerMessage.Payload, _ time: TimeReport) -> NodeMessage {
        .peer(PeerMessage(from: one, to: other, time: time, supportedVersion: 2, payload: payload))
    }

    @Test func areReadAsTheyWereWritten() throws {
        for payload in payloads {
            for time in [TimeReport.running(.maximum), .resumed(.zero)] {
                let message = message(payload, time)
                #expect(try NodeMessage(decoding: message.encode()) == message)
            }
        }
    }

    @Test func thatAreCutShortOrTooLongAreRefused() {
        for payload in payloads {
            let bytes = message(payload, .running(.zero)).encode()
            for count in 0..<bytes.count {
                #expect(throws: NodeMessageError.self) { try NodeMessage(decoding: Array(bytes[..<count])) }
            }
            #expect(throws: NodeMessageError.self) { try NodeMessage(decoding: bytes + [0]) }
        }
    }

    @Test func withAFlippedBitAreRefusedOrAnotherMessageInItsOneForm() {
        for payload in payloads {
            let bytes = message(payload, .running(.zero)).encode()
            for bit in 0..<bytes.count * 8 {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                if let read = try? NodeMessage(decoding: flipped) { #expect(read.encode() == flipped) }
            }
        }
    }
}
