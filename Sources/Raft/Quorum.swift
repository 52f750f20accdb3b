import Wire

// Majorities, and two majorities at once while a membership changes (section 6 of the paper). After etcd's
// MajorityConfig and JointConfig.

/// What has become of a vote.
enum VoteOutcome: Hashable, Sendable {
    /// Neither yet.
    case open
    /// Each set of voters has a majority for it.
    case won
    /// One set of voters cannot reach a majority any more.
    case lost
}

enum Quorum {
    /// How many of `count` voters decide.
    static func majority(of count: Int) -> Int { count / 2 + 1 }

    /// The greatest value that a majority reaches: the k-th greatest, k being the majority. `UInt64.max` for nobody: a
    /// set that is empty does not hold the other one back.
    ///
    /// - Parameters:
    ///   - count: the number of voters.
    ///   - values: puts each voter's value in its place. Room is on the stack: nothing is allocated.
    static func reached(count: Int, values: (UnsafeMutableBufferPointer<UInt64>) -> Void) -> UInt64 {
        if count == 0 { return .max }
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { buffer in
            buffer.initialize(repeating: 0)
            values(buffer)
            // Insertion, greatest first: voters are few.
            for position in 1..<max(count, 1) {
                let value = buffer[position]
                var place = position
                while place > 0, buffer[place - 1] < value {
                    buffer[place] = buffer[place - 1]
                    place -= 1
                }
                buffer[place] = value
            }
            return buffer[majority(of: count) - 1]
        }
    }

    /// What a vote comes to among one set of voters.
    static func outcome(voters: [ReplicaID], vote: (ReplicaID) -> Bool?) -> VoteOutcome {
        var granted = 0
        var refused = 0
        for voter in voters {
            switch vote(voter) {
            case true?: granted += 1
            case false?: refused += 1
            case nil: break
            }
        }
        let needed = majority(of: voters.count)
        if voters.isEmpty || granted >= needed { return .won }
        return voters.count - refused < needed ? .lost : .open
    }

    /// What a vote comes to among the voters of a membership, of both sets where it is joint.
    static func outcome(in configuration: Configuration, vote: (ReplicaID) -> Bool?) -> VoteOutcome {
        let incoming = outcome(voters: configuration.voters, vote: vote)
        let outgoing = outcome(voters: configuration.outgoing, vote: vote)
        if incoming == .lost || outgoing == .lost { return .lost }
        return incoming == .won && outgoing == .won ? .won : .open
    }
}
