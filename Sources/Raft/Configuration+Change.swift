import Wire

// How a change makes the next membership.

extension Configuration {
    /// The membership that a change leads to at once: joint if it changes who votes.
    /// - Parameters:
    ///   - lag: how many entries a learner lacks.
    ///   - lagMax: how many it may lack to be promoted.
    func applying(
        _ change: ConfigurationChange,
        lag: (ReplicaID) -> UInt64,
        lagMax: () -> UInt64
    ) throws(ConfigurationRefusal) -> Configuration {
        var next = self
        for step in change.steps {
            switch step {
            case .addLearner(let member):
                guard !next.contains(member.id) else { throw .alreadyMember(member.id) }
                next.members.append(member)
                next.learners.append(member.id)
            case .promote(let id):
                try next.check(id, isAmong: next.learners)
                let lacking = lag(id)
                guard lacking <= lagMax() else { throw .notCaughtUp(id, lagEntries: lacking) }
                next.learners.removeAll { $0 == id }
                next.voters.append(id)
            case .demote(let id):
                try next.check(id, isAmong: next.voters)
                next.voters.removeAll { $0 == id }
                next.learners.append(id)
            case .remove(let id):
                guard next.contains(id) else { throw .unknownMember(id) }
                next.members.removeAll { $0.id == id }
                next.voters.removeAll { $0 == id }
                next.learners.removeAll { $0 == id }
            case .update(let member):
                guard let position = next.members.firstIndex(where: { $0.id == member.id }) else {
                    throw .unknownMember(member.id)
                }
                next.members[position] = member
            }
        }
        next.sort()
        guard !next.voters.isEmpty else { throw .noVoterLeft }
        try next.checkNames()
        guard next != self else { throw .nothingToDo }
        let result = next.voters == voters ? next : joint(with: next)
        guard result.isWellFormed else { throw .tooLarge }
        return result
    }

    /// What follows a joint configuration: the incoming voters alone.
    func leavingJoint() -> Configuration {
        var next = self
        next.outgoing = []
        next.learners += learnersNext
        next.learnersNext = []
        next.members.removeAll { !next.voters.contains($0.id) && !next.learners.contains($0.id) }
        next.sort()
        return next
    }

    /// Both majorities decide until it is left (section 6 of the paper).
    private func joint(with next: Configuration) -> Configuration {
        var joint = next
        joint.outgoing = voters
        joint.learnersNext = next.learners.filter(voters.contains)
        joint.learners = next.learners.filter { !voters.contains($0) }
        joint.members += members.filter { voters.contains($0.id) && !next.contains($0.id) }
        joint.sort()
        return joint
    }

    private func check(_ id: ReplicaID, isAmong list: [ReplicaID]) throws(ConfigurationRefusal) {
        guard contains(id) else { throw .unknownMember(id) }
        guard list.contains(id) else { throw .wrongRole(id) }
    }

    /// A name is one member's; one that leaves with this change may have it too.
    private func checkNames() throws(ConfigurationRefusal) {
        for (position, member) in members.enumerated() {
            for other in members[(position + 1)...] where other.name == member.name { throw .alreadyMember(other.id) }
        }
    }

    private mutating func sort() {
        members.sort { $0.id < $1.id }
        voters.sort()
        outgoing.sort()
        learners.sort()
        learnersNext.sort()
    }
}
