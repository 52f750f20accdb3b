import Wire

// Linearizable reads by ReadIndex (dissertation, 6.4). No clock is involved: each read waits for a round of heartbeats.

extension Raft {
    /// Asks for an index that may be read once it is applied. Any role; the answer is a `ReadState` with the context,
    /// exactly one, index nil where none can be had (the asker tries again).
    public mutating func readIndex(context: UInt64) {
        if role == .leader {
            read(ReadQueue.Asker(replica: id, context: context))
            return
        }
        guard let leader, forwardedReads.count < settings.pendingReadsMax else {
            answeredReads.append(ReadState(context: context, index: nil))
            return
        }
        send(.readIndexRequest(context: forwardedReads.add(context: context)), to: leader)
    }

    /// A read at the leader, whoever asks.
    private mutating func read(_ asker: ReadQueue.Asker) {
        guard reads.count < settings.pendingReadsMax else {
            answerRead(asker, index: nil)
            return
        }
        if isEstablished { reads.add(asker, index: log.committed) } else { reads.addEarly(asker) }
    }

    mutating func stepReadIndexRequest(_ context: UInt64, from sender: ReplicaID) {
        guard role == .leader else {
            send(.readIndexResponse(context: context, index: nil), to: sender)
            return
        }
        guard configuration.contains(sender) else { return }
        read(ReadQueue.Asker(replica: sender, context: context))
    }

    mutating func stepReadIndexResponse(_ number: UInt64, index: LogIndex?, from sender: ReplicaID) {
        guard sender == leader, let context = forwardedReads.answered(number) else { return }
        answeredReads.append(ReadState(context: context, index: index))
    }

    /// Answers the reads whose round a majority has answered.
    mutating func confirmReads() {
        guard reads.count > 0 else { return }
        for read in reads.confirmed(round: members.reached({ members.trackers[$0].roundAnswered })) {
            answerRead(read.asker, index: read.index)
        }
    }

    mutating func answerRead(_ asker: ReadQueue.Asker, index: LogIndex?) {
        if asker.replica == id {
            answeredReads.append(ReadState(context: asker.context, index: index))
        } else {
            send(.readIndexResponse(context: asker.context, index: index), to: asker.replica)
        }
    }
}
