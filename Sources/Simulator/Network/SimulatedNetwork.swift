import Raft

/// The links between nodes: which are cut, and what becomes of a message on the others.
///
/// A value without a queue: it says when a message arrives, and the simulation puts it among its events. A link that is
/// cut when a message arrives loses it too. Links are one-way; the two between a pair of nodes are apart.
public struct SimulatedNetwork: Sendable {
    /// Nodes, from 0.
    public let nodes: Int
    private var quality: [LinkQuality]
    private var isCut: [Bool]
    private var lastArrival: [Moment]
    private var generator: Xoshiro256

    /// A network without faults.
    public init(nodes: Int, generator: Xoshiro256) {
        self.nodes = nodes
        self.generator = generator
        quality = Array(repeating: .perfect, count: nodes * nodes)
        isCut = Array(repeating: false, count: nodes * nodes)
        lastArrival = Array(repeating: .zero, count: nodes * nodes)
    }

    /// When a message that is sent now arrives: never, once, or more often.
    public mutating func arrivals(from sender: Int, to receiver: Int, at now: Moment) -> [Moment] {
        let link = sender * nodes + receiver
        let quality = quality[link]
        if isCut[link] || generator.chance(quality.lostPerThousand, of: 1_000) { return [] }
        var moment = now + generator.inNanoseconds(quality.delayNanosecondsMin, quality.delayNanosecondsMax)
        if generator.chance(quality.latePerThousand, of: 1_000) {
            moment = moment + generator.inNanoseconds(0, quality.lateNanosecondsMax)
        } else if quality.keepsOrder {
            moment = max(moment, lastArrival[link])
            lastArrival[link] = moment
        }
        guard generator.chance(quality.repeatedPerThousand, of: 1_000) else { return [moment] }
        return [moment, moment + generator.inNanoseconds(0, quality.lateNanosecondsMax + quality.delayNanosecondsMax)]
    }

    /// Whether nothing gets from one node to another.
    public func isCut(from sender: Int, to receiver: Int) -> Bool { isCut[sender * nodes + receiver] }

    /// Cuts or joins one way between two nodes.
    public mutating func setCut(_ cut: Bool, from sender: Int, to receiver: Int) {
        isCut[sender * nodes + receiver] = cut && sender != receiver
    }

    /// Cuts both ways between those in a group and all others.
    public mutating func isolate(_ group: [Int]) {
        for inside in group {
            for outside in 0..<nodes where !group.contains(outside) {
                setCut(true, from: inside, to: outside)
                setCut(true, from: outside, to: inside)
            }
        }
    }

    /// Joins every link.
    public mutating func heal() { isCut = Array(repeating: false, count: nodes * nodes) }

    /// Sets how good one link is.
    public mutating func setQuality(_ new: LinkQuality, from sender: Int, to receiver: Int) {
        quality[sender * nodes + receiver] = new
    }

    /// Sets how good every link is.
    public mutating func setQuality(_ new: LinkQuality) { quality = Array(repeating: new, count: nodes * nodes) }
}

extension Xoshiro256 {
    /// A number of nanoseconds from `least` to `most`, both included.
    mutating func inNanoseconds(_ least: UInt64, _ most: UInt64) -> UInt64 {
        least >= most ? least : least + below(most - least + 1)
    }

    /// An element.
    /// - Precondition: there is one.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int(below(UInt64(elements.count)))] }
}
