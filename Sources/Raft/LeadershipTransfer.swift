import Wire

/// A leader that hands over (dissertation, 3.10): it takes no proposals, brings the target up to date, bids it to
/// campaign, and goes on leading if nothing has come of it after an election timeout.
struct LeadershipTransfer: Sendable {
    /// To whom.
    let target: ReplicaID
    /// Since it began.
    var elapsedTicks = 0
    /// The target was bidden to campaign.
    var isBidden = false

    init(target: ReplicaID) { self.target = target }
}
