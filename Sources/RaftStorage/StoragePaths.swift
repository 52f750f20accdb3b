import Raft

/// The names of the files in a replica's folder.
///
///     DIR/creating                           while the folder is being made, or unmade: what else is in it means nothing
///     DIR/log/0000000000000001.log           a segment, by number, in hexadecimal digits
///     DIR/snapshots/<index>-<term>.snapshot  a snapshot, by position, 16 hexadecimal digits each
///     <one of these two>.tmp                 unfinished; removed at the next start
///     DIR/damaged-<n>/{log,snapshots}/       a log that could not be used, set aside; the greatest number is the newest
public struct StoragePaths: Hashable, Sendable {
    /// The folder.
    public let directory: String

    /// The names in that folder.
    public init(directory: String) { self.directory = directory }

    /// Of the segments.
    public var log: String { "\(directory)/log" }
    /// Of the snapshots.
    public var snapshots: String { "\(directory)/snapshots" }
    /// While it is there, there is no log here.
    public var creating: String { "\(directory)/\(Self.creatingName)" }

    static let creatingName = "creating"
    private static let setAsideBegin = "damaged-"

    /// The name of the folder that the log of that number is set aside in.
    static func setAsideName(_ number: UInt32) -> String { "\(setAsideBegin)\(number)" }

    /// The number of a folder that a log was set aside in, from its name; nil for others.
    static func setAsideNumber(_ name: String) -> UInt32? {
        guard name.hasPrefix(setAsideBegin), let number = UInt32(name.dropFirst(setAsideBegin.count)),
            number > 0, number < .max, setAsideName(number) == name
        else { return nil }
        return number
    }
    static let unfinished = ".tmp"
    private static let segmentEnd = ".log"
    private static let snapshotEnd = ".snapshot"

    /// The folder that a path lies in.
    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The segment of that number.
    public func segment(_ number: UInt64) -> String { "\(log)/\(Self.hexadecimal(number))\(Self.segmentEnd)" }

    /// The snapshot of that position.
    public func snapshot(_ position: LogPosition) -> String {
        let index = Self.hexadecimal(position.index.rawValue)
        return "\(snapshots)/\(index)-\(Self.hexadecimal(position.term.rawValue))\(Self.snapshotEnd)"
    }

    /// The number of a segment from its name; nil for other files.
    public static func segmentNumber(_ name: String) -> UInt64? {
        guard name.hasSuffix(segmentEnd) else { return nil }
        return number(name.dropLast(segmentEnd.count))
    }

    /// The position of a snapshot from its name; nil for other files.
    public static func snapshotPosition(_ name: String) -> LogPosition? {
        guard name.hasSuffix(snapshotEnd) else { return nil }
        let parts = name.dropLast(snapshotEnd.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = number(parts[0]), let term = number(parts[1]) else { return nil }
        return LogPosition(term: Term(term), index: LogIndex(index))
    }

    /// Whether a name is that of a segment that is being made.
    static func isUnfinishedSegment(_ name: String) -> Bool { finished(name).flatMap(segmentNumber) != nil }

    /// Whether a name is that of a snapshot that is being made.
    static func isUnfinishedSnapshot(_ name: String) -> Bool { finished(name).flatMap(snapshotPosition) != nil }

    /// The name that an unfinished file is to get; nil for other files.
    private static func finished(_ name: String) -> String? {
        name.hasSuffix(unfinished) ? String(name.dropLast(unfinished.count)) : nil
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Exactly what ``hexadecimal(_:)`` writes.
    private static func number(_ digits: Substring) -> UInt64? {
        guard digits.utf8.count == 16, let value = UInt64(digits, radix: 16), hexadecimal(value) == digits else {
            return nil
        }
        return value
    }
}
