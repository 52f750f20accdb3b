import Replica

/// The alarms of a node that have not come to an end, in words.
struct AlarmBook {
    private var open: [(key: String, text: String)] = []
    /// What keeps a cluster from being founded, as of now.
    private var founding: [FoundingAlarm] = []

    /// All of them: those of the node, oldest first, and then those of its founding.
    var texts: [String] { open.map(\.text) + founding.map(\.explanation) }

    /// Takes an alarm. Returns what to log: the text, and whether it is good news. Those of a founding are only
    /// logged: which of them last, ``keepFounding(_:)`` is told.
    mutating func take(_ alarm: NodeAlarm) -> (text: String, isOver: Bool) {
        switch alarm {
        case .damaged(let what):
            return begin(
                "damaged",
                "The log on this disk cannot be used: \(what) This replica must not vote again: the node is another one from "
                    + "now on, and waits until `tollgate cluster replace` at a member admits it. The log stays in the data "
                    + "folder, in damaged-<number>. If every node of the cluster waits, nobody else has the state: stop them, "
                    + "and see by `tollgate recover --data` with each one's data folder what can be read there."
            )
        case .founding(let alarm):
            return (alarm.explanation, false)
        case .replica(.diskFull(let isFull)):
            return isFull
                ? begin("disk", "The disk is full: nothing is accepted until there is room. It goes on by itself.")
                : end("disk", "The disk has room again.")
        case .replica(.diverged(let isSo, let index)):
            return isSo
                ? begin(
                    "state",
                    "The state of this replica differs from the majority's after entry \(index.rawValue): it fetches theirs."
                )
                : end("state", "The state is the majority's again.")
        case .replica(.noAgreement(let isSo, let index)):
            return isSo
                ? begin(
                    "agreement",
                    "Members differ in their states after entry \(index.rawValue) and no majority agrees: nothing is decided."
                )
                : end("agreement", "A majority agrees on the state again.")
        case .replica(.forgotten(let isSo, let index)):
            return isSo
                ? begin(
                    "memory",
                    "The log on this disk lacks entries, up to \(index.rawValue), that this node had told the leader it keeps: "
                        + "the data folder is an earlier copy, as of a snapshot of the machine, or the disk has lost what was "
                        + "written. This node answers nothing. Stop it, clear its data folder, start it, and run `tollgate "
                        + "cluster replace` at another member; never put a member's data folder back to an earlier state."
                )
                : end("memory", "The log has the entries again that this disk had lost. See that it loses no more.")
        case .replica(.contradicted(let isSo, let index)):
            return isSo
                ? begin(
                    "contradiction",
                    "The leader's log contradicts what this node knows to be decided, at entry \(index.rawValue): the data folder "
                        + "of another member was put back to an earlier state, or its disk has lost what was written, and the "
                        + "others have gone on without the entries from there on. This node gets no further, and keeps them. To "
                        + "go on as the others do, stop it, clear its data folder, start it, and run `tollgate cluster replace` "
                        + "at another member; to go on from here, stop the others, and see `tollgate recover`."
                )
                : end("contradiction", "The leader's log agrees with what this node knows to be decided.")
        case .replica(.snapshotFailed(let why)):
            return begin("snapshot", "A snapshot could not be kept, and is tried again; the log grows: \(why)")
        case .replica(.snapshotKept):
            return end("snapshot", "A snapshot was kept again, or is needed no more.")
        }
    }

    /// A peer does not talk to this node.
    mutating func refused(by peer: String, why: String) {
        _ = begin("refused by \(peer)", "Node \(peer) refuses this node: \(why)")
    }

    /// A peer talks to this node. Returns whether it did not before.
    mutating func accepted(by peer: String) -> Bool {
        let count = open.count
        open.removeAll { $0.key == "refused by \(peer)" }
        return open.count < count
    }

    /// Whoever has another name is no peer any more: what it thinks of this node is of no interest.
    mutating func keepRefusals(by peers: Set<String>) {
        let keys = Set(peers.map { "refused by \($0)" })
        open.removeAll { $0.key.hasPrefix("refused by ") && !keys.contains($0.key) }
    }

    /// Members whose disks have lost what they had acknowledged, as this leader sees it. Returns what to log, where that is
    /// new.
    mutating func forgetful(_ names: [String]) -> (text: String, isOver: Bool)? {
        let before = open.first { $0.key == "forgetful" }?.text
        guard !names.isEmpty else {
            return before == nil
                ? nil : end("forgetful", "No member is known any more to have lost entries that it had acknowledged.")
        }
        let text = names.map { name in
            "The member \(name) lacks entries that it had told this leader it keeps, and gets no further: its data folder is an "
                + "earlier copy, or its disk has lost what was written. Stop it, clear its data folder, start it, and run "
                + "`tollgate cluster replace \(name)`."
        }.joined(separator: " ")
        return text == before ? nil : begin("forgetful", text)
    }

    /// Whether the node was sent away from its cluster. Returns what to log, where that is new.
    mutating func removed(_ isSo: Bool) -> (text: String, isOver: Bool)? {
        guard isSo != open.contains(where: { $0.key == "removed" }) else { return nil }
        return isSo
            ? begin(
                "removed",
                "This node is no member of its cluster any more: it was removed, or replaced by one with another disk. "
                    + "Stop it; to have it again, start it with an empty data folder and let `tollgate cluster add` admit it."
            )
            : end("removed", "This node is a member of its cluster.")
    }

    /// Whether the node is alone by mistake. Returns what to log, where that is new.
    mutating func lone(_ standing: LoneMember.Standing) -> (text: String, isOver: Bool)? {
        let before = open.first { $0.key == "lone" }?.text
        if case .outgrown(let fellows) = standing {
            let text = """
                The data folder of this node is an earlier one, in which it was the only member of its cluster: \
                \(fellows.joined(separator: ", ")) say that they are members, too. It decides nothing until their leader has \
                told it the rest. See that a majority of them runs.
                """
            return text == before ? nil : begin("lone", text)
        }
        guard case .astray(let seeds, let cluster) = standing else {
            return before == nil ? nil : end("lone", "This node is not alone by mistake any more: it decides again.")
        }
        let (names, belong, theirs) =
            seeds.count == 1
            ? (seeds[0], "belongs", "its data folder") : (seeds.joined(separator: ", "), "belong", "their data folders")
        let text = """
            This node is the only member of its cluster, and of its seeds \(names) \(belong) to cluster \(cluster), which \
            has a member in its place: it decides nothing. If its data folder is the wrong one, stop it and give it its own \
            back; or clear it, start it, and have it admitted by `tollgate cluster replace`. If its folder is the right one, \
            clear \(theirs), and start this node again.
            """
        return text == before ? nil : begin("lone", text)
    }

    /// Takes what is wrong with the founding now, in place of what was; nothing where there is none any more.
    mutating func keepFounding(_ alarms: [FoundingAlarm]) { founding = alarms }

    /// The node is a member, as is decided. Returns what to log, where it was none since its log was damaged.
    mutating func admitted() -> (text: String, isOver: Bool)? {
        guard open.contains(where: { $0.key == "damaged" }) else { return nil }
        return end(
            "damaged",
            "This node is a member, with a new log. The one that could not be used stays in the data folder, in "
                + "damaged-<number>: remove it when all is well."
        )
    }

    /// How this node's own certificate stands. Returns what to log.
    mutating func certificate(
        _ standing: CertificateWatch.Standing,
        of node: String
    ) -> (text: String, isOver: Bool) {
        let remedy =
            "renew it by `tollgate certificates renew --nodes \(node) --out FOLDER`; this node takes the new one while it runs"
        return switch standing {
        case .good: end("certificate", "This node's certificate holds.")
        case .ending(let end):
            begin(
                "certificate",
                "This node's certificate expires at \(CertificateWatch.text(end)), and no peer talks to it from then on: "
                    + "\(remedy)."
            )
        case .ended(let end):
            begin(
                "certificate",
                "This node's certificate has expired at \(CertificateWatch.text(end)), so that no peer talks to it: "
                    + "\(remedy). Or set the clock of this machine right."
            )
        case .early(let start):
            begin(
                "certificate",
                "This node's certificate holds from \(CertificateWatch.text(start)) on, which is still to come, so that no "
                    + "peer talks to it: set the clock of this machine right. Or \(remedy)."
            )
        }
    }

    private mutating func begin(_ key: String, _ text: String) -> (text: String, isOver: Bool) {
        open.removeAll { $0.key == key }
        open.append((key, text))
        return (text, false)
    }

    private mutating func end(_ key: String, _ text: String) -> (text: String, isOver: Bool) {
        open.removeAll { $0.key == key }
        return (text, true)
    }
}
