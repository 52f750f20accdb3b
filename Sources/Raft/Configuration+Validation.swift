import Wire

// What a membership must be before it may count: a peer, or a file, could say anything.

extension Configuration {
    /// Of a replica that waits to be admitted: nobody is known, nobody votes.
    public static let empty = Configuration(members: [], voters: [])

    /// Whether this can be a group's membership: lists sorted and without repetition, sizes within the bounds, everyone
    /// a member in one role, somebody to vote. The empty one of a replica that waits to be admitted is well-formed too.
    public var isWellFormed: Bool {
        if members.isEmpty {
            return voters.isEmpty && outgoing.isEmpty && learners.isEmpty && learnersNext.isEmpty
        }
        guard members.count <= Self.membersMax, !voters.isEmpty,
            isStrictlySorted(voters), isStrictlySorted(outgoing), isStrictlySorted(learners),
            isStrictlySorted(learnersNext)
        else { return false }
        var before: ReplicaID?
        for member in members {
            if let before, before >= member.id { return false }
            before = member.id
            guard member.name.utf8.count <= Self.nameBytesMax, member.address.utf8.count <= Self.nameBytesMax else {
                return false
            }
            let votes = voters.contains(member.id) || outgoing.contains(member.id)
            guard votes != learners.contains(member.id) else { return false }
        }
        return voters.allSatisfy(contains) && outgoing.allSatisfy(contains) && learners.allSatisfy(contains)
            && learnersNext.allSatisfy { outgoing.contains($0) && !voters.contains($0) }
    }

    /// Whether a replica belongs to the group, in whatever role.
    public func contains(_ id: ReplicaID) -> Bool { members.contains { $0.id == id } }

    /// Whether a replica has a vote, in either set of voters.
    public func isVoter(_ id: ReplicaID) -> Bool { voters.contains(id) || outgoing.contains(id) }

    /// Whether a replica is a member without a vote.
    public func isLearner(_ id: ReplicaID) -> Bool { learners.contains(id) }
}

private func isStrictlySorted(_ list: [ReplicaID]) -> Bool {
    zip(list, list.dropFirst()).allSatisfy { $0 < $1 }
}
