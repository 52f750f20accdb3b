import Ledger
import Wire

/// What the wall clock said at a moment of replicated time. See ``ReplicatedClock``.
public struct ClockRecord: Hashable, Sendable {
    /// Replicated time.
    public var time: LedgerTime
    /// The wall clock at that moment.
    public var wall: WallTime

    /// A value of these fields.
    public init(time: LedgerTime, wall: WallTime) {
        self.time = time
        self.wall = wall
    }

    private static var formatVersion: UInt8 { 1 }

    /// The record's bytes: version, replicated time, wall clock.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 17)
        writer.write(Self.formatVersion)
        writer.write(time.nanoseconds)
        writer.write(UInt64(bitPattern: wall.nanoseconds))
        return writer.take()
    }

    /// Reads a record; nil for anything else. One that is lost costs only the length of a pause.
    public init?(decoding bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let version = try? reader.readUInt8(), version == Self.formatVersion,
            let time = try? reader.readUInt64(), let wall = try? reader.readUInt64(), reader.remaining == 0
        else { return nil }
        self.init(
            time: LedgerTime(nanoseconds: time),
            wall: WallTime(nanoseconds: Int64(bitPattern: wall))
        )
    }
}
