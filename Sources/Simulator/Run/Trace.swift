import Raft

/// What happened in a run: a running hash of everything, and the words for it where somebody wants to read.
///
/// Two runs of one seed have the same hash after each event, on any machine. The words are made only if there is a
/// reader, for most runs have none: a run that fails is run again, with one.
public struct Trace {
    /// What is done with the words.
    public enum Reader {
        /// Nobody reads.
        case none
        /// Each line, as it comes.
        case all((String) -> Void)
        /// The last lines, so many for each node.
        case last(Int)
    }

    /// Of all events so far.
    public private(set) var hash: UInt64 = 0x546F_6C6C_6761_7465
    /// Events so far.
    public private(set) var steps: UInt64 = 0
    /// The moment of the event that is being told.
    public var now = Moment.zero
    private let reader: Reader
    private var kept: [Int: [(step: UInt64, line: String)]] = [:]

    /// A trace of nothing yet.
    public init(_ reader: Reader = .none) { self.reader = reader }

    /// Whether there is somebody who reads the words.
    public var isRead: Bool {
        if case .none = reader { return false }
        return true
    }

    /// Tells of an event.
    /// - Parameters:
    ///   - node: whose, from 0; -1: of all.
    ///   - first: numbers that tell it from others, and go into the hash.
    ///   - words: the event in words. Must follow from the state of the run alone.
    @inline(__always)
    public mutating func note(
        _ kind: Kind,
        _ node: Int,
        _ first: UInt64 = 0,
        _ second: UInt64 = 0,
        _ words: @autoclosure () -> String = ""
    ) {
        steps += 1
        mix(now.nanoseconds ^ UInt64(kind.rawValue) << 56 ^ UInt64(truncatingIfNeeded: node + 1) << 48)
        mix(first)
        mix(second)
        if isRead { tell(kind, node, words()) }
    }

    private mutating func tell(_ kind: Kind, _ node: Int, _ words: String) {
        let line = "\(pad("\(steps)", 7)) \(pad(milliseconds, 12)) ms  \(node < 0 ? "-" : "\(node)")  \(kind) \(words)"
        switch reader {
        case .none: break
        case .all(let read): read(line)
        case .last(let count):
            var lines = kept.removeValue(forKey: node) ?? []
            if lines.count >= 2 * count { lines.removeFirst(count) }
            lines.append((steps, line))
            kept[node] = lines
        }
    }

    /// The last lines of some nodes and of what concerns all, in their order.
    public func last(of nodes: [Int]) -> [String] {
        guard case .last(let count) = reader else { return [] }
        var lines: [(step: UInt64, line: String)] = []
        for node in [-1] + nodes { lines += (kept[node] ?? []).suffix(count) }
        return lines.sorted { $0.step < $1.step }.map(\.line)
    }

    @inline(__always)
    private mutating func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    private var milliseconds: String {
        let micro = now.nanoseconds / 1_000 % 1_000
        return "\(now.nanoseconds / 1_000_000).\(micro / 100)\(micro / 10 % 10)\(micro % 10)"
    }

    private func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }

    /// What kinds of event there are.
    public enum Kind: UInt8, Sendable {
        case start, crash, pause, resume, wipe, flip
        case tick, receive, send, lose, repeatMessage
        case store, stored, storeFailed, apply, restore, role, commit
        case submit, answer, read, change, transfer, compact
        case join, partition, heal, clock, disk, phase, stop, alarm
    }

    /// A hash of bytes, for messages.
    public static func hash(_ bytes: [UInt8]) -> UInt64 {
        var hash = UInt64(bytes.count)
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset + 8 <= raw.count {
                let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
                hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
                offset += 8
            }
            while offset < raw.count {
                hash = (hash ^ UInt64(raw[offset])) &* 0x0000_0100_0000_01B3
                offset += 1
            }
        }
        return hash
    }
}
