import Wire

// Changes of the membership (section 6 of the paper; dissertation, 4). The configuration that was appended last counts.

extension Raft {
    /// Changes the membership. A change of who votes makes two entries: the joint configuration now, and the new one when
    /// that is committed.
    /// - Returns: the first one's position.
    @discardableResult
    public mutating func propose(_ change: ConfigurationChange) throws(ConfigurationRefusal) -> LogPosition {
        guard role == .leader else { throw .notLeader(leader) }
        guard transfer == nil else { throw .transferring }
        // An earlier leader's change may be in the log and not be committed: only with an entry of the own term
        // committed is it known which configuration is (the single-server fault of 2015, openraft#2051).
        guard isEstablished else { throw .leaderNotEstablished }
        guard !configuration.isJoint, log.configurationIndex <= log.committed else { throw .changeInProgress }
        let next = try configuration.applying(change) { id in
            // Who has acknowledged nothing may lack even what was before the first entry. Who does not live would be
            // waited for, perhaps for ever (dissertation, 4.2.1).
            guard let position = members.position(of: id) else { return .max }
            let progress = members.trackers[position].progress
            guard progress.recentlyActive, progress.match > .zero, progress.state != .snapshot else { return .max }
            return log.last.index.rawValue - progress.match.rawValue
        } lagMax: {
            settings.promotionLagEntriesMax
        }
        let position = LogPosition(term: term, index: log.last.index + 1)
        appendAsLeader(.configuration(next))
        return position
    }

    /// The configuration that counts is another one: at the leader, members come and go.
    mutating func configurationChanged() {
        members.adopt(configuration, next: log.last.index + 1)
        if let transfer, !configuration.voters.contains(transfer.target) { self.transfer = nil }
    }

    /// The leader's commit index has grown: a joint configuration that is committed is left, also one of an earlier
    /// leader; a leader that the committed configuration has no vote for steps down.
    mutating func committedAsLeader() {
        guard isEstablished, log.configurationIndex <= log.committed else { return }
        if configuration.isJoint {
            appendAsLeader(.configuration(configuration.leavingJoint()))
        } else if !configuration.voters.contains(id) {
            // The others learn that it is committed, and the one with the longest log need not wait for a timeout.
            gatherAppends()
            let best = members.trackers.filter(\.isVoter).max { $0.progress.match < $1.progress.match }
            if let best, best.progress.match == log.last.index { send(.timeoutNow, to: best.id) }
            stepDown()
        }
    }
}
