import Wire

/// The sessions and the results that they keep: what makes a command that is proposed twice happen once.
///
/// A session's results are those of the ``LedgerBounds/resultsPerSession`` sequences from its floor on. They stand in a
/// ring, a sequence in the place of its last 12 bits, cut in pieces so that no array is large.
struct SessionTable: Sendable {
    private struct Kept {
        var result: CommandResult?
        var digest = LedgerDigest.zero
    }

    private struct Session {
        let id: UInt64
        let owner: ReplicaID
        /// The log index of the last batch in which it had a command.
        var lastUsed: UInt64
        var floor: UInt64
        /// Results kept.
        var held: Int
        /// Pieces of the ring; empty until used.
        var pieces: ContiguousArray<ContiguousArray<Kept>>

        var digest: LedgerDigest {
            var mixer = DigestMixer(.session)
            mixer.u64(id)
            mixer.pair(owner.high, owner.low)
            mixer.u64(lastUsed)
            mixer.u64(floor)
            return mixer.finish()
        }

        /// The one sequence of the floor's ring that has its place here.
        func sequence(_ piece: Int, _ slot: Int) -> UInt64 {
            let place = UInt64(piece) << SessionTable.pieceShift | UInt64(slot)
            return floor + ((place &- floor) & (SessionTable.ring - 1))
        }
    }

    private static var ring: UInt64 { UInt64(LedgerBounds.resultsPerSession) }
    private static var pieceShift: UInt64 { 6 }
    private static var pieceSlots: Int { 1 << Int(pieceShift) }

    /// Sorted by id, which grows.
    private var sessions: ContiguousArray<Session> = []
    /// The digest's part of all results.
    private var resultDigest = LedgerDigest.zero
    /// Results of all sessions.
    private(set) var resultCount = 0

    var count: Int { sessions.count }

    /// The digest's part of sessions and results.
    var digest: LedgerDigest { sessions.reduce(into: resultDigest) { $0 += $1.digest } }

    // MARK: - Sessions

    /// Opens a session at a log index. It closes the owner's earlier one, or where there are too many the one whose
    /// last command is oldest.
    /// - Precondition: the index is above all before.
    mutating func open(_ index: UInt64, owner: ReplicaID) {
        precondition(sessions.last.map { $0.id < index } ?? true, "log indices grow")
        if let superseded = sessions.firstIndex(where: { $0.owner == owner }) {
            close(superseded)
        } else if sessions.count >= LedgerBounds.sessions {
            var oldest = 0
            for candidate in sessions.indices where sessions[candidate].lastUsed < sessions[oldest].lastUsed {
                oldest = candidate
            }
            close(oldest)
        }
        sessions.append(Session(id: index, owner: owner, lastUsed: index, floor: 0, held: 0, pieces: []))
    }

    private mutating func close(_ place: Int) {
        for piece in sessions[place].pieces {
            for kept in piece where kept.result != nil { resultDigest -= kept.digest }
        }
        resultCount -= sessions[place].held
        sessions.remove(at: place)
    }

    /// A session's place, until the next is opened.
    @inline(__always)
    func place(of session: SessionID) -> Int? {
        var low = 0
        var high = sessions.count
        while low < high {
            let middle = (low + high) / 2
            if sessions[middle].id < session.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < sessions.count && sessions[low].id == session.rawValue ? low : nil
    }

    /// An owner's open session.
    func session(of owner: ReplicaID) -> SessionID? {
        sessions.last { $0.owner == owner }.map { SessionID(rawValue: $0.id) }
    }

    // MARK: - Results

    /// A command of the session arrived, in a batch with this index: forget what lies below its floor.
    @inline(__always)
    mutating func touch(_ place: Int, index: UInt64, floor: UInt64) {
        sessions[place].lastUsed = index
        let old = sessions[place].floor
        guard floor > old else { return }
        sessions[place].floor = floor
        guard sessions[place].held > 0 else { return }
        for sequence in old..<old + min(floor - old, Self.ring) { forget(place, sequence) }
    }

    /// Whether a sequence can be applied now, or was.
    enum Standing {
        case new
        case known(CommandResult)
        case rejected(Rejection)
    }

    @inline(__always)
    func standing(_ place: Int, sequence: UInt64) -> Standing {
        let floor = sessions[place].floor
        if sequence < floor { return .rejected(.belowFloor) }
        if sequence - floor >= Self.ring { return .rejected(.tooManyUnacknowledged) }
        let (piece, slot) = Self.split(sequence)
        guard !sessions[place].pieces.isEmpty, !sessions[place].pieces[piece].isEmpty,
            let result = sessions[place].pieces[piece][slot].result
        else { return .new }
        return .known(result)
    }

    /// Keeps a result.
    /// - Precondition: the sequence's standing was `new`.
    @inline(__always)
    mutating func keep(_ result: CommandResult, _ place: Int, sequence: UInt64) {
        let (piece, slot) = Self.split(sequence)
        if sessions[place].pieces.isEmpty {
            sessions[place].pieces = .init(repeating: [], count: LedgerBounds.resultsPerSession / Self.pieceSlots)
        }
        if sessions[place].pieces[piece].isEmpty {
            sessions[place].pieces[piece] = .init(repeating: Kept(), count: Self.pieceSlots)
        }
        let digest = Self.digest(session: sessions[place].id, sequence: sequence, result)
        sessions[place].pieces[piece][slot] = Kept(result: result, digest: digest)
        sessions[place].held += 1
        resultDigest += digest
        resultCount += 1
    }

    @inline(__always)
    private mutating func forget(_ place: Int, _ sequence: UInt64) {
        let (piece, slot) = Self.split(sequence)
        guard !sessions[place].pieces[piece].isEmpty, sessions[place].pieces[piece][slot].result != nil else { return }
        resultDigest -= sessions[place].pieces[piece][slot].digest
        sessions[place].pieces[piece][slot] = Kept()
        sessions[place].held -= 1
        resultCount -= 1
    }

    @inline(__always)
    private static func split(_ sequence: UInt64) -> (piece: Int, slot: Int) {
        let place = sequence & (ring - 1)
        return (Int(place >> pieceShift), Int(place) & (pieceSlots - 1))
    }

    @inline(__always)
    private static func digest(session: UInt64, sequence: UInt64, _ result: CommandResult) -> LedgerDigest {
        var mixer = DigestMixer(.result)
        mixer.u64(session)
        mixer.u64(sequence)
        result.write(into: &mixer)
        return mixer.finish()
    }

    // MARK: - Snapshots

    /// Pieces in which a session's results are written.
    static var pieces: Int { LedgerBounds.resultsPerSession / pieceSlots }

    /// Writes a session but for its results, and how many there are.
    func write(_ place: Int, into sink: inout some FieldSink) {
        let session = sessions[place]
        sink.u64(session.id)
        sink.pair(session.owner.high, session.owner.low)
        sink.u64(session.lastUsed)
        sink.u64(session.floor)
        sink.count(session.held)
    }

    /// Writes the results of one of ``pieces`` pieces of a session.
    func write(piece: Int, of place: Int, into sink: inout some FieldSink) {
        let session = sessions[place]
        guard piece < session.pieces.count else { return }
        for (slot, kept) in session.pieces[piece].enumerated() {
            guard let result = kept.result else { continue }
            sink.u64(session.sequence(piece, slot))
            result.write(into: &sink)
        }
    }

    /// Adds the session that is written here, which is none of those before.
    /// - Parameter lastIndex: the log index of the snapshot; nothing is newer.
    /// - Returns: how many results it has.
    mutating func restore(from source: inout FieldSource, lastIndex: UInt64) throws(LedgerDecodingError) -> Int {
        let id = try source.u64()
        let owner = ReplicaID(high: try source.u64(), low: try source.u64())
        let lastUsed = try source.u64()
        let floor = try source.u64()
        let results = try source.count(limit: LedgerBounds.resultsPerSession, elementBytes: 10)
        guard id > 0, sessions.last.map({ $0.id < id }) ?? true, id <= lastUsed, lastUsed <= lastIndex,
            !sessions.contains(where: { $0.owner == owner })
        else { throw .invalid(field: "session") }
        sessions.append(Session(id: id, owner: owner, lastUsed: lastUsed, floor: floor, held: 0, pieces: []))
        return results
    }

    /// Adds a result to the session that was restored last.
    mutating func restoreResult(from source: inout FieldSource) throws(LedgerDecodingError) {
        let sequence = try source.u64()
        let result = try CommandResult(from: &source)
        guard case .new = standing(sessions.count - 1, sequence: sequence) else { throw .invalid(field: "sequence") }
        keep(result, sessions.count - 1, sequence: sequence)
    }
}
