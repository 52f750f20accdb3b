import Raft
import Testing
import Wire

@Suite struct ElectionTests {
    @Test(arguments: [1, 2, 3, 5, 7]) func aGroupElectsOneLeaderThatCommits(_ count: Int) {
        var group = Group(count)
        let leader = group.elect()
        group.propose([1], [2])
        group.tick(10)
        for node in group.nodes {
            #expect(node.raft.leader == Group.id(leader))
            #expect(node.machine.commands == [[1], [2]])
        }
        #expect(group[leader].raft.term == Term(1))
    }
}
