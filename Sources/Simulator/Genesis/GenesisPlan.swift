import Paxos
import Raft
import Replica

/// What one run of a genesis is to be like: drawn from its seed.
public struct GenesisPlan: Sendable {
    /// What the nodes' lists of seeds have to do with each other.
    public enum Lists: UInt8, Sendable, CaseIterable {
        /// All list all.
        case agreeing
        /// One node lists others than the rest do.
        case differing
        /// Two lists with nodes in common.
        case overlapping
        /// One node lists itself alone, the rest list it too.
        case lone
        /// All list all, and one belongs to a cluster already.
        case existing
    }

    /// How the lists are.
    public var lists: Lists
    /// Nodes, from 0.
    public var nodes: Int
    /// Whom each node lists.
    public var listed: [[Int]]
    /// Whom each node lists once the operator has put it right; empty where it stays as it is.
    public var corrected: [[Int]]
    /// The node whose disk is never lost. What was chosen is remembered as long as one of its acceptors has its disk;
    /// where nobody has, nobody can know.
    public var keeper: Int
    /// Crashes, in a hundred thousand steps.
    public var crashes: UInt64
    /// Crashes at moments drawn beforehand, whatever is going on.
    public var kills: Int
    /// A disk is lost soon after the first value was accepted, and soon after one was chosen.
    public var strikes: Bool
    /// All nodes are started within so many nanoseconds.
    public var startNanosecondsMax: UInt64
    /// Crashes after which the disk is empty, in a thousand.
    public var wipes: UInt64
    /// Crashes of members after which only the log is gone, in a thousand.
    public var lostLogs: UInt64
    /// The network, until faults end.
    public var quality: LinkQuality
    /// A link is cut or joined once in so many steps, until faults end; 0: never.
    public var stepsPerCut: UInt64
    /// When faults end.
    public var calm: Moment
    /// When the run ends.
    public var end: Moment
    /// How long a write of the record, or of the log's first state, takes, in nanoseconds.
    public var writeNanosecondsMax: UInt64
    /// Of each node's founding.
    public var settings: FoundingSettings

    /// Draws a plan.
    /// - Parameters:
    ///   - nodes: how many, or nil to draw from 1 to 7.
    ///   - lists: how the lists are, or nil to draw.
    public init(nodes given: Int? = nil, lists chosen: Lists? = nil, using generator: inout Xoshiro256) {
        let most = given ?? generator.pick([1, 2, 3, 3, 3, 4, 5, 5, 7])
        // Half of the runs have nothing wrong with the lists.
        let drawn: Lists = generator.chance(1, of: 2) ? .agreeing : generator.pick(Array(Lists.allCases.dropFirst()))
        let lists = most < 3 ? .agreeing : chosen ?? drawn
        var keeper = Int(generator.below(UInt64(most)))
        (listed, corrected) = Self.drawLists(lists, nodes: most, keeper: &keeper, using: &generator)
        self.keeper = keeper
        self.lists = lists
        nodes = most
        crashes = generator.pick([0, 50, 500, 3_000])
        kills = generator.pick([0, 2, 10, 30])
        strikes = generator.chance(1, of: 3)
        startNanosecondsMax = generator.pick([50_000_000, 500_000_000, 3_000_000_000])
        wipes = generator.pick([0, 0, 200, 600])
        lostLogs = generator.pick([0, 100])
        quality = LinkQuality(
            lostPerThousand: generator.pick([0, 20, 200]),
            repeatedPerThousand: generator.pick([0, 20, 300]),
            latePerThousand: generator.pick([0, 50, 300]),
            delayNanosecondsMin: 100_000,
            delayNanosecondsMax: generator.pick([500_000, 20_000_000]),
            lateNanosecondsMax: generator.pick([20_000_000, 1_000_000_000]),
            keepsOrder: generator.chance(1, of: 2)
        )
        stepsPerCut = generator.pick([0, 0, 200])
        calm = .milliseconds(generator.pick([2_000, 5_000, 10_000]))
        end = calm + 10_000_000_000
        writeNanosecondsMax = generator.pick([1_000_000, 10_000_000, 60_000_000])
        settings = FoundingSettings(
            helloInterval: generator.pick([30_000_000, 100_000_000]),
            silence: 2_000_000_000,
            dissent: 600_000_000,
            backOff: BackOff(minimum: generator.pick([5_000_000, 40_000_000]), maximum: 800_000_000)
        )
    }

    /// Whom each node lists, at first and in the end.
    private static func drawLists(
        _ lists: Lists,
        nodes: Int,
        keeper: inout Int,
        using generator: inout Xoshiro256
    ) -> (listed: [[Int]], corrected: [[Int]]) {
        let everyone = Array(0..<nodes)
        let all = Array(repeating: everyone, count: nodes)
        var listed = all
        switch lists {
        case .agreeing, .existing: return (all, [])
        case .differing:
            let odd = Int(generator.below(UInt64(nodes)))
            let missing = generator.pick(everyone.filter { $0 != odd })
            listed[odd] = everyone.filter { $0 != missing }
            return (listed, generator.chance(1, of: 2) ? all : [])
        case .overlapping:
            // 0 is in the first list, the last one in the second, the keeper and perhaps others in both.
            keeper = 1 + Int(generator.below(UInt64(nodes - 2)))
            var first = [0]
            var second = [nodes - 1]
            for node in 1..<nodes - 1 {
                let side = node == keeper ? 0 : generator.below(4)
                if side != 2 { first.append(node) }
                if side != 3 { second.append(node) }
            }
            first.sort()
            second.sort()
            for node in everyone {
                let isFirst = !second.contains(node) || first.contains(node) && generator.chance(1, of: 2)
                listed[node] = isFirst ? first : second
            }
            return (listed, generator.chance(1, of: 2) ? Array(repeating: first, count: nodes) : [])
        case .lone:
            listed[keeper] = [keeper]
            return (listed, generator.chance(1, of: 2) ? all : [])
        }
    }
}
