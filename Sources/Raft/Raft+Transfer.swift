import Wire

// Handing over leadership (dissertation, 3.10).

extension Raft {
    /// Hands leadership to a voter. Proposals are refused meanwhile. After an election timeout without a new leader this
    /// one goes on as before. Asking again for the same target changes nothing.
    public mutating func transferLeadership(to target: ReplicaID) throws(TransferRefusal) {
        guard role == .leader else { throw .notLeader(leader) }
        guard target != id, configuration.voters.contains(target) else { throw .badTarget(target) }
        if let transfer {
            guard transfer.target == target else { throw .transferring }
            return
        }
        transfer = LeadershipTransfer(target: target)
        transferIfCaughtUp()
    }

    /// Bids the target to campaign once it has all of the log, and not before: it could not win.
    mutating func transferIfCaughtUp() {
        guard let transfer, !transfer.isBidden, let position = members.position(of: transfer.target),
            members.trackers[position].progress.match == log.last.index
        else { return }
        self.transfer?.isBidden = true
        send(.timeoutNow, to: transfer.target)
    }

    /// Only time ends a transfer, or a term, or the target's leaving; a heartbeat does not.
    mutating func tickTransfer() {
        guard transfer != nil else { return }
        transfer?.elapsedTicks += 1
        if let elapsed = transfer?.elapsedTicks, elapsed >= settings.electionTicksMin { transfer = nil }
    }

    /// The leader bids this replica to campaign: without asking first, and with leave to depose a leader that is heard.
    mutating func stepTimeoutNow(from sender: ReplicaID) {
        guard role == .follower, sender == leader, isPromotable else { return }
        campaignForReal(isTransfer: true)
    }
}
