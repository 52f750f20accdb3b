/// What will happen, in the order of virtual time; at one moment, in the order in which it was planned.
struct Timeline {
    private var heap: [(at: UInt64, order: UInt64, happen: () -> Void)] = []
    private var order: UInt64 = 0
    private(set) var now: UInt64 = 0

    mutating func plan(at time: UInt64, _ happen: @escaping () -> Void) {
        heap.append((max(time, now), order, happen))
        order += 1
        var child = heap.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The next, if it comes until then.
    mutating func next(until end: UInt64) -> (() -> Void)? {
        guard let first = heap.first, first.at <= end else {
            now = max(now, end)
            return nil
        }
        now = first.at
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return first.happen
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (heap[left].at, heap[left].order) < (heap[right].at, heap[right].order)
    }
}
