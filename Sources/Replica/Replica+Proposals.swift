import Ledger
import Raft
import Wire

// Batches on their way into the log: into the own one where this replica leads, else to the leader.
extension Replica {
    /// Whether this replica can put batches into its log now: it leads, has all of the state, and knows the time.
    private var isProposing: Bool {
        raft.role == .leader && machine != nil && clock.isRunning && !isStateDoubtful && !isDiskFull
            && clock.now >= proposalsPausedUntil
    }

    mutating func propose() {
        if raft.role == .leader { clock.resolve(id, raft.configuration) }
        if !forwards.isEmpty {
            if isProposing {
                while let batch = forwards.popFirst() {
                    guard proposeStamped(batch) != nil else { break }
                }
            }
            // What could not be taken is sent again by who sent it.
            forwards.removeAll()
        }
        beginReads()
        guard machine != nil, !isStateDoubtful, raft.configuration.contains(id) else { return }
        let leader = raft.leader
        guard raft.role == .leader || leader != nil else { return }
        if submissions.needsSession { submissions.openSession() }
        submissions.launch()
        for place in submissions.flightPlaces where isDue(submissions.sent(at: place)) {
            guard let route = dispatch(submissions.bytes(at: place)) else { return }
            submissions.wasSent(.init(route: route, at: clock.now), at: place)
        }
    }

    /// Whether a batch is to be sent: it never was, or its leader is another now, or it has no result for a while.
    private func isDue(_ sent: Submissions<Machine>.Sent?) -> Bool {
        switch sent?.route {
        case nil: true
        // In this term it stays in the leader's log.
        case .proposed(let position): raft.role != .leader || position.term != raft.term
        case .forwarded(let leader, let term):
            leader != raft.leader || term != raft.term
                || clock.now.nanoseconds(since: sent?.at ?? .zero) >= settings.retryInterval
        }
    }

    private mutating func dispatch(_ bytes: [UInt8]) -> Submissions<Machine>.Sent.Route? {
        if raft.role == .leader {
            guard isProposing else { return nil }
            return proposeStamped(bytes).map { .proposed($0) }
        }
        guard let leader = raft.leader, leader != id else { return nil }
        send(.forward(bytes), to: leader)
        return .forwarded(leader, raft.term)
    }

    /// Puts a batch into the log, of now.
    private mutating func proposeStamped(_ batch: [UInt8]) -> LogPosition? {
        var bytes = batch
        Machine.stamp(&bytes, with: clock.time)
        do {
            return try raft.propose([bytes])
        } catch {
            proposalsPausedUntil = clock.now.adding(nanoseconds: settings.tickNanoseconds)
            return nil
        }
    }

    /// A batch came from another replica. One that no replica could apply must not stand in the log.
    mutating func receiveForward(_ batch: [UInt8]) {
        guard raft.role == .leader, forwards.count < Self.forwardsMax, Machine.time(of: batch) != nil,
            (try? Machine.decode(batch, supportedVersion: supportedVersion)) != nil
        else { return }
        forwards.append(batch)
    }

    private mutating func beginReads() {
        guard machine != nil, divergence == nil, let context = reads.begin(clock.now) else { return }
        raft.readIndex(context: context)
    }

    /// A leader proposes the version that all members know.
    mutating func raiseVersionIfAllKnow() {
        guard isProposing, let current = machine?.version, submissions.session != nil, !peers.isRaising(clock.now),
            let common = peers.commonVersion(of: raft.configuration, id: id, own: supportedVersion, term: raft.term),
            common > current
        else { return }
        peers.raising(until: clock.now.adding(nanoseconds: settings.decisionTimeout))
        submissions.submit(
            [Machine.raiseVersion(to: common)],
            id: nil,
            deadline: clock.now.adding(nanoseconds: settings.decisionTimeout),
            refusal: nil,
            version: current
        )
    }
}
