import Raft
import Wire

/// What a record says.
enum RecordContent: Hashable, Sendable {
    /// The beginning of a segment: term and vote, and the log's last position at that moment.
    case start(HardState, last: LogPosition)
    /// Term and vote, and what the disk is known to have lost.
    case hardState(HardState)
    /// The log is empty and goes on after this position.
    case reset(LogPosition)
    /// An entry. One whose index is not above the last one replaces that entry and all after it.
    case entry(Entry)

    /// The record's kind.
    var kind: RecordKind {
        switch self {
        case .start: .start
        case .hardState: .hardState
        case .reset: .reset
        case .entry(let entry):
            switch entry.payload {
            case .noOperation: .noOperation
            case .command: .command
            case .configuration: .configuration
            }
        }
    }

    /// The header's term and index: of the entry, or of the position that the record speaks of.
    var position: LogPosition {
        switch self {
        case .start(_, let last): last
        case .hardState(let state): LogPosition(term: state.term, index: .zero)
        case .reset(let position): position
        case .entry(let entry): entry.position
        }
    }

    /// What follows the header.
    var payload: [UInt8] {
        switch self {
        case .start(let state, _): encode(state)
        case .hardState(let state): encode(state)
        case .reset: []
        case .entry(let entry):
            switch entry.payload {
            case .noOperation: []
            case .command(let bytes): bytes
            case .configuration(let configuration): configuration.encode()
            }
        }
    }

    private func encode(_ state: HardState) -> [UInt8] {
        var writer = ByteWriter(capacity: 41)
        writer.write(state.term.rawValue)
        writer.write(state.vote != nil)
        if let vote = state.vote { writer.write(vote) }
        // Where there is nothing to say nothing is written: so it was before this could be said.
        if let lost = state.forgotten {
            writer.write(lost.term.rawValue)
            writer.write(lost.index.rawValue)
        }
        return writer.take()
    }

    /// Reads what a record says. Nil where it makes no sense, or is of another release.
    init?(kind: RecordKind, position: LogPosition, payload: [UInt8]) {
        guard position.isPossible else { return nil }
        switch kind {
        case .start:
            guard let state = Self.hardState(payload) else { return nil }
            self = .start(state, last: position)
        case .hardState:
            guard let state = Self.hardState(payload), position == LogPosition(term: state.term, index: .zero) else {
                return nil
            }
            self = .hardState(state)
        case .reset:
            guard payload.isEmpty else { return nil }
            self = .reset(position)
        case .noOperation:
            guard payload.isEmpty else { return nil }
            self = .entry(Entry(position: position, payload: .noOperation))
        case .command:
            self = .entry(Entry(position: position, payload: .command(payload)))
        case .configuration:
            guard let configuration = try? Configuration(decoding: payload) else { return nil }
            self = .entry(Entry(position: position, payload: .configuration(configuration)))
        }
    }

    /// Reads what a record of a segment says.
    init?(_ record: SegmentScan.Record) {
        self.init(kind: record.kind, position: record.position, payload: record.payload)
    }

    private static func hardState(_ payload: [UInt8]) -> HardState? {
        var reader = ByteReader(payload)
        do {
            let term = Term(try reader.readUInt64())
            let vote = try reader.readBool() ? try reader.readReplicaID() : nil
            var forgotten: LogPosition?
            if reader.remaining > 0 {
                let term = Term(try reader.readUInt64())
                forgotten = LogPosition(term: term, index: LogIndex(try reader.readUInt64()))
            }
            try reader.finish()
            guard term <= .max, forgotten?.isPossible ?? true else { return nil }
            return HardState(term: term, vote: vote, forgotten: forgotten)
        } catch {
            return nil
        }
    }
}

extension LogPosition {
    /// Whether a log can have it, or go on after it. The core keeps within these bounds, and relies on them.
    var isPossible: Bool { term <= .max && index <= .max }
}
