import Raft
import Testing
import Wire

@testable import Cluster

/// An operation's way, step by step, without a cluster.
@Suite struct OperationPlanTests {
    private static func id(_ number: UInt64) -> ReplicaID { ReplicaID(high: 0, low: number) }

    private static func member(_ number: UInt64) -> Member {
        Member(id: id(number), name: "n\(number)", address: "h\(number):1")
    }

    private func view(
        voters: [UInt64],
        learners: [UInt64] = [],
        leader: UInt64? = 1,
        isChanging: Bool = false,
        waiting: [WaitingNode] = []
    ) -> OperationView {
        OperationView(
            own: Self.id(1),
            leader: leader.map(Self.id),
            term: Term(1),
            decided: Configuration(
                members: (voters + learners).sorted().map(Self.member),
                voters: voters.map(Self.id),
                learners: learners.map(Self.id)
            ),
            isChanging: isChanging,
            waiting: waiting
        )
    }

    private func waits(_ number: UInt64, name: String, address: String? = "h:1") -> WaitingNode {
        WaitingNode(name: name, replica: Self.id(number), address: address)
    }

    @Test func whoWaitsIsAddedAndWaitedFor() throws {
        var plan = OperationPlan(.add(name: "n4", address: nil))
        let waiting = [waits(4, name: "n4", address: "h4:1")]
        let before = view(voters: [1, 2, 3], waiting: waiting)
        let change = OperationStep.change(ConfigurationChange([.addLearner(Self.member(4))]))
        #expect(try plan.next(before) == change)
        #expect(try plan.next(before) == change, "nothing has come of it: again")
        #expect(try plan.next(view(voters: [1, 2, 3], isChanging: true, waiting: waiting)) == .wait)
        let learns = view(voters: [1, 2, 3], learners: [4])
        #expect(try plan.next(learns) == .wait)
        #expect(plan.standing(learns, detail: "why")?.state == .learner)
        guard case .done(let outcome) = try plan.next(view(voters: [1, 2, 3, 4])) else {
            Issue.record("it is a voter")
            return
        }
        #expect(outcome == OperationOutcome(name: "n4", replica: Self.id(4), state: .voter))
    }

    @Test func aNewDiskTakesTheOldOnesPlaceInOneStep() throws {
        var plan = OperationPlan(.replace(name: "n3", address: nil))
        let former = view(voters: [1, 2, 3], waiting: [waits(9, name: "n3", address: "elsewhere:1")])
        let member = Member(id: Self.id(9), name: "n3", address: "elsewhere:1")
        #expect(try plan.next(former) == .change(ConfigurationChange([.remove(Self.id(3)), .addLearner(member)])))
        // One that does not say where it is, is where it was.
        plan = OperationPlan(.replace(name: "n3", address: nil))
        let silent = view(voters: [1, 2, 3], waiting: [waits(9, name: "n3", address: nil)])
        let same = Member(id: Self.id(9), name: "n3", address: "h3:1")
        #expect(try plan.next(silent) == .change(ConfigurationChange([.remove(Self.id(3)), .addLearner(same)])))
    }

    @Test(arguments: [Operation.add(name: "n4", address: "given:1"), .replace(name: "n3", address: "given:1")])
    func anAddressThatTheNodeItselfWouldUndoIsRefusedAtOnce(_ operation: Operation) throws {
        let (number, name): (UInt64, String) = if case .add = operation { (4, "n4") } else { (9, "n3") }
        for said in ["elsewhere:1", "given:1", nil] {
            var plan = OperationPlan(operation)
            let view = view(voters: [1, 2, 3], waiting: [waits(number, name: name, address: said)])
            if said == "elsewhere:1" {
                #expect { try plan.next(view) } throws: { error in
                    guard case .conflict(let text)? = error as? OperationError else { return false }
                    return text.contains("elsewhere:1") && text.contains("cluster.advertise")
                }
            } else {
                guard case .change(let change) = try plan.next(view) else {
                    Issue.record("it says the same, or nothing")
                    continue
                }
                let member = Member(id: Self.id(number), name: name, address: "given:1")
                #expect(change.steps.contains(.addLearner(member)))
            }
        }
    }

    @Test func whoLeadsHandsOverBeforeItLeaves() throws {
        var plan = OperationPlan(.remove(name: "n1"))
        #expect(try plan.next(view(voters: [1, 2, 3])) == .transfer(nil))
        #expect(!plan.isLeaving, "another leads first")
        #expect(
            try plan.next(view(voters: [1, 2, 3], leader: 2)) == .change(ConfigurationChange([.remove(Self.id(1))]))
        )
        #expect(plan.isLeaving)
        #expect(plan.departure?.state == .removed)
        guard case .done = try plan.next(view(voters: [2, 3], leader: 2)) else {
            Issue.record("it is gone")
            return
        }
    }

    @Test func aReplicaThatIsNamedStaysTheOneThatWasMeant() throws {
        var plan = OperationPlan(.remove(name: "n3"))
        _ = try plan.next(view(voters: [1, 2, 3]))
        #expect(!plan.isLeaving, "another is")
        // Meanwhile another disk has come under the name: it is not the one to be removed.
        var replaced = view(voters: [1, 2])
        replaced.decided.members.append(Member(id: Self.id(9), name: "n3", address: "h:1"))
        replaced.decided.learners = [Self.id(9)]
        guard case .done = try plan.next(replaced) else {
            Issue.record("the replica that was meant is gone")
            return
        }
    }

    @Test(
        arguments: [
            Operation.add(name: "n9", address: nil), .add(name: "n2", address: "elsewhere:1"), .remove(name: "n9"),
            .replace(name: "n2", address: nil), .replace(name: "n9", address: nil), .promote(name: "n9"),
            .transfer(to: "n9"), .transfer(to: "n4"),
        ]
    )
    func whatMakesNoSenseIsRefusedWithWords(_ operation: Operation) {
        var plan = OperationPlan(operation)
        #expect(throws: OperationError.self) { try plan.next(view(voters: [1, 2, 3], learners: [4])) }
    }

    @Test func theLastVoterStays() {
        var plan = OperationPlan(.remove(name: "n1"))
        #expect(throws: OperationError.self) { try plan.next(view(voters: [1], learners: [2])) }
        var transfer = OperationPlan(.transfer(to: nil))
        #expect(throws: OperationError.self) { try transfer.next(view(voters: [1])) }
    }

    @Test func messagesAreReadAsTheyWereWritten() throws {
        let configuration = view(voters: [1, 2], learners: [3]).decided
        let messages: [OperationMessage] = [
            .request(
                number: 7,
                .change(
                    ConfigurationChange([
                        .remove(Self.id(1)), .addLearner(Self.member(4)), .promote(Self.id(3)), .update(Self.member(2)),
                    ]),
                    from: configuration,
                    term: Term(5)
                )
            ),
            .request(number: 1, .transfer(nil)), .request(number: 1, .transfer(Self.id(2))),
            .request(number: .max, .progress), .answer(number: 2, .done), .answer(number: 3, .busy("so")),
            .answer(number: 4, .refused("nö")), .relayed([1, 2, 3]),
            .answer(number: 5, .progress([.init(id: Self.id(1), match: 8, isReachable: true)])),
        ]
        for message in messages {
            let bytes = message.encode()
            #expect(try OperationMessage(decoding: bytes) == message)
            for count in 0..<bytes.count {
                #expect(throws: OperationMessageError.self) { try OperationMessage(decoding: Array(bytes[..<count])) }
            }
            #expect(throws: OperationMessageError.self) { try OperationMessage(decoding: bytes + [0]) }
            for bit in 0..<bytes.count * 8 {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << (bit % 8)
                if let read = try? OperationMessage(decoding: flipped) { #expect(read.encode() == flipped) }
            }
        }
    }
}
