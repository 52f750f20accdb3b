/// What is to happen, in the order of time; what is to happen at one moment happens in the order in which it was put in.
///
/// A binary heap: logarithmic time each way. The order is total, so that a run has one order only.
public struct EventQueue<Event> {
    private struct Item {
        var moment: Moment
        var sequence: UInt64
        var event: Event

        func precedes(_ other: Item) -> Bool {
            moment != other.moment ? moment < other.moment : sequence < other.sequence
        }
    }

    private var heap: ContiguousArray<Item> = []
    private var sequence: UInt64 = 0

    /// A queue with nothing in it.
    public init() {}

    /// How much is in it.
    public var count: Int { heap.count }

    /// When the next one is due.
    public var nextMoment: Moment? { heap.first?.moment }

    /// Puts an event in.
    public mutating func push(_ event: Event, at moment: Moment) {
        heap.append(Item(moment: moment, sequence: sequence, event: event))
        sequence += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the next event.
    public mutating func pop() -> (moment: Moment, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return (first.moment, first.event) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].precedes(heap[least]) { least = left }
            if left + 1 < heap.count, heap[left + 1].precedes(heap[least]) { least = left + 1 }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.moment, first.event)
    }
}
