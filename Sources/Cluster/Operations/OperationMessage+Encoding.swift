import Raft
import Replica
import Wire

// The bytes: tag, number where there is one, kind, fields. One form only.
extension OperationMessage {
    /// Bytes of a text.
    private static let textBytesMax = 1_024
    /// Steps of a change.
    private static let stepsMax: Int = 4

    private enum Kind {
        static let change: UInt8 = 1
        static let transfer: UInt8 = 2
        static let progress: UInt8 = 3
        static let done: UInt8 = 4
        static let busy: UInt8 = 5
        static let refused: UInt8 = 6
        static let report: UInt8 = 7
        static let relayed: UInt8 = 8
    }

    private enum StepKind {
        static let addLearner: UInt8 = 1
        static let promote: UInt8 = 2
        static let remove: UInt8 = 3
        static let update: UInt8 = 4
    }

    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(Self.tag)
        switch self {
        case .request(let number, let request): Self.write(request, number, &writer)
        case .answer(let number, let answer): Self.write(answer, number, &writer)
        case .relayed(let bytes):
            writer.write(Kind.relayed)
            writer.write(lengthPrefixed: bytes)
        }
        return writer.take()
    }

    private static func write(_ request: OperationRequest, _ number: UInt64, _ writer: inout ByteWriter) {
        switch request {
        case .change(let change, let configuration, let term):
            writer.write(Kind.change)
            writer.write(number)
            writer.write(term.rawValue)
            writer.write(lengthPrefixed: configuration.encode())
            writer.write(UInt32(change.steps.count))
            for step in change.steps { write(step, &writer) }
        case .transfer(let target):
            writer.write(Kind.transfer)
            writer.write(number)
            writer.write(target != nil)
            if let target { writer.write(target) }
        case .progress:
            writer.write(Kind.progress)
            writer.write(number)
        }
    }

    private static func write(_ step: ConfigurationChange.Step, _ writer: inout ByteWriter) {
        switch step {
        case .addLearner(let member):
            writer.write(StepKind.addLearner)
            write(member, &writer)
        case .promote(let id):
            writer.write(StepKind.promote)
            writer.write(id)
        case .remove(let id):
            writer.write(StepKind.remove)
            writer.write(id)
        case .update(let member):
            writer.write(StepKind.update)
            write(member, &writer)
        case .demote: preconditionFailure("no operation has such a step")
        }
    }

    private static func write(_ member: Member, _ writer: inout ByteWriter) {
        writer.write(member.id)
        writer.write(text: member.name)
        writer.write(text: member.address)
    }

    private static func write(_ answer: OperationAnswer, _ number: UInt64, _ writer: inout ByteWriter) {
        switch answer {
        case .done:
            writer.write(Kind.done)
            writer.write(number)
        case .busy(let text):
            writer.write(Kind.busy)
            writer.write(number)
            writer.write(text: text)
        case .refused(let text):
            writer.write(Kind.refused)
            writer.write(number)
            writer.write(text: text)
        case .progress(let members):
            writer.write(Kind.report)
            writer.write(number)
            writer.write(UInt32(members.count))
            for member in members {
                writer.write(member.id)
                writer.write(member.match)
                writer.write(member.isReachable)
            }
        }
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    init(decoding bytes: [UInt8]) throws(OperationMessageError) {
        var reader = ByteReader(bytes)
        do {
            guard try reader.readUInt8() == Self.tag else { throw OperationMessageError() }
            self = try Self.read(&reader)
            try reader.finish()
        } catch { throw OperationMessageError() }
    }

    private static func read(_ reader: inout ByteReader) throws -> OperationMessage {
        let kind = try reader.readUInt8()
        if kind == Kind.relayed {
            return .relayed(try reader.readLengthPrefixed(limit: FoundingMessage.bytesMax + 1))
        }
        let number = try reader.readUInt64()
        switch kind {
        case Kind.change:
            let term = Term(try reader.readUInt64())
            let configuration = try Configuration(decoding: try reader.readLengthPrefixed(limit: 65_536))
            let steps = try (0..<reader.readCount(limit: stepsMax, elementBytes: 17)).map { _ in try readStep(&reader) }
            return .request(number: number, .change(ConfigurationChange(steps), from: configuration, term: term))
        case Kind.transfer:
            let target = try reader.readBool() ? try reader.readReplicaID() : nil
            return .request(number: number, .transfer(target))
        case Kind.progress: return .request(number: number, .progress)
        case Kind.done: return .answer(number: number, .done)
        case Kind.busy: return .answer(number: number, .busy(try reader.readText(limit: textBytesMax)))
        case Kind.refused: return .answer(number: number, .refused(try reader.readText(limit: textBytesMax)))
        case Kind.report:
            let count = try reader.readCount(limit: Configuration.membersMax, elementBytes: 25)
            let members = try (0..<count).map { _ in
                OperationAnswer.Progress(
                    id: try reader.readReplicaID(),
                    match: try reader.readUInt64(),
                    isReachable: try reader.readBool()
                )
            }
            return .answer(number: number, .progress(members))
        default: throw OperationMessageError()
        }
    }

    private static func readStep(_ reader: inout ByteReader) throws -> ConfigurationChange.Step {
        let kind = try reader.readUInt8()
        let id = try reader.readReplicaID()
        switch kind {
        case StepKind.addLearner, StepKind.update:
            let name = try reader.readText(limit: Configuration.nameBytesMax)
            let address = try reader.readText(limit: Configuration.nameBytesMax)
            let member = Member(id: id, name: name, address: address)
            return kind == StepKind.addLearner ? .addLearner(member) : .update(member)
        case StepKind.promote: return .promote(id)
        case StepKind.remove: return .remove(id)
        default: throw OperationMessageError()
        }
    }
}

/// Bytes that are no message. Whoever wrote them is at fault.
struct OperationMessageError: Error, Hashable {}
