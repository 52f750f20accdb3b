import Raft
import Wire

/// A choice of messages: a link, and words that must stand in the message in this order.
///
/// `a->b append after 1:3`; either end may be `*`; no words means every message of the link; no link means all links.
struct ScenarioPattern: Equatable {
    let from: ReplicaID?
    let to: ReplicaID?
    let words: [String]

    init(_ words: [String]) throws {
        var words = words
        if let link = words.first, link.contains("->") {
            (from, to) = try Self.link(link)
            words.removeFirst()
        } else {
            from = nil
            to = nil
        }
        self.words = words
    }

    /// The ends of `a->b`; nil for `*`.
    static func link(_ text: String) throws -> (from: ReplicaID?, to: ReplicaID?) {
        let ends = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        func end(_ name: String) throws -> ReplicaID? {
            if name == "*" { return nil }
            guard let id = ReplicaID(name: name) else { throw ScenarioFailure("'\(text)' is not a link") }
            return id
        }
        guard ends.count == 2, ends[0].hasSuffix("-") else { throw ScenarioFailure("'\(text)' is not a link") }
        return (try end(String(ends[0].dropLast())), try end(ends[1]))
    }

    func fits(_ message: Message) -> Bool {
        if let from, from != message.from { return false }
        if let to, to != message.to { return false }
        if words.isEmpty { return true }
        var wanted = words[...]
        for word in message.text.split(separator: " ") where word == wanted[wanted.startIndex] {
            wanted.removeFirst()
            if wanted.isEmpty { return true }
        }
        return false
    }
}
