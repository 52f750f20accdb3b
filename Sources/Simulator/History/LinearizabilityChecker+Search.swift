// The search through one partition.

extension LinearizabilityChecker {
    /// How a search ended.
    enum SearchResult: Equatable {
        case found
        case exhausted(explained: Int, unexplained: Int)
        case overBudget
    }

    /// Which operations stand in the order, and the state that they led to.
    private struct Visited: Hashable {
        var ordered: [UInt64]
        var state: Model.State
    }

    /// An operation that was put in the order, and how to take it out again.
    private struct Choice {
        var operation: Int
        /// The state before.
        var state: Model.State
        /// What else it could have led to.
        var alternatives: ArraySlice<Model.State>
    }

    /// The search: a list of calls and answers in the order of their moments, from which operations are taken as they
    /// are put in order.
    struct Search {
        private let model: Model
        private let operations: [Operation<Model.Input, Model.Output>]
        /// The list, by links. Event 2i is the call of operation i, 2i + 1 its answer; the two after all are its ends.
        private var next: [Int]
        private var previous: [Int]
        private let head: Int
        private let tail: Int
        /// Answered operations that are not in the order yet.
        private var unexplained: Int
        private var state: Model.State
        private var ordered: [UInt64]
        private var choices: [Choice] = []
        private var visited: Set<Visited> = []

        init(model: Model, history: [Operation<Model.Input, Model.Output>], operations places: [Int]) {
            self.model = model
            operations = places.map { history[$0] }
            state = model.initial
            ordered = Array(repeating: 0, count: (places.count + 63) / 64)
            head = 2 * operations.count
            tail = head + 1
            next = Array(repeating: 2 * operations.count + 1, count: 2 * operations.count + 2)
            previous = Array(repeating: 2 * operations.count, count: 2 * operations.count + 2)
            var events: [(moment: UInt64, isAnswer: Bool, event: Int)] = []
            for (index, operation) in operations.enumerated() {
                events.append((operation.called, false, 2 * index))
                guard let answer = operation.answer else { continue }
                precondition(answer.moment >= operation.called, "an operation is answered after it is called")
                events.append((answer.moment, true, 2 * index + 1))
            }
            // At equal moments calls come first: what happened at one moment is concurrent.
            events.sort { left, right in
                if left.moment != right.moment { return left.moment < right.moment }
                if left.isAnswer != right.isAnswer { return right.isAnswer }
                return left.event < right.event
            }
            unexplained = events.count - operations.count
            var last = head
            for event in events {
                next[last] = event.event
                previous[event.event] = last
                last = event.event
            }
            next[last] = tail
            previous[tail] = last
        }

        /// Searches until an order is found, none is left, or the budget is spent.
        mutating func run(stepsMax: Int) -> SearchResult {
            var steps = 0
            var best = 0
            var blocking = 0
            var event = next[head]
            while unexplained > 0 {
                if event.isMultiple(of: 2) {
                    guard steps < stepsMax else { return .overBudget }
                    steps += 1
                    let operation = operations[event / 2]
                    let states = model.step(state, operation.input, operation.answer?.output)
                    event = take(event / 2, states[...]) ? next[head] : next[event]
                    continue
                }
                // An answer whose operation is not in the order: what is in it was a wrong choice.
                if choices.count >= best {
                    best = choices.count
                    blocking = event / 2
                }
                guard let choice = choices.popLast() else {
                    return .exhausted(explained: best, unexplained: blocking)
                }
                putBack(choice)
                let again = take(choice.operation, choice.alternatives)
                event = again ? next[head] : next[2 * choice.operation]
            }
            return .found
        }

        /// Puts an operation in the order, with the first state that was not tried with the same operations before.
        private mutating func take(_ operation: Int, _ states: ArraySlice<Model.State>) -> Bool {
            var alternatives = states
            ordered[operation / 64] ^= 1 << UInt64(operation % 64)
            while let reached = alternatives.popFirst() {
                guard visited.insert(Visited(ordered: ordered, state: reached)).inserted else { continue }
                choices.append(Choice(operation: operation, state: state, alternatives: alternatives))
                state = reached
                unlink(2 * operation)
                if operations[operation].answer != nil {
                    unlink(2 * operation + 1)
                    unexplained -= 1
                }
                return true
            }
            ordered[operation / 64] ^= 1 << UInt64(operation % 64)
            return false
        }

        private mutating func putBack(_ choice: Choice) {
            // Links are restored in the opposite order of their removal.
            if operations[choice.operation].answer != nil {
                relink(2 * choice.operation + 1)
                unexplained += 1
            }
            relink(2 * choice.operation)
            ordered[choice.operation / 64] ^= 1 << UInt64(choice.operation % 64)
            state = choice.state
        }

        private mutating func unlink(_ event: Int) {
            next[previous[event]] = next[event]
            previous[next[event]] = previous[event]
        }

        private mutating func relink(_ event: Int) {
            next[previous[event]] = event
            previous[next[event]] = event
        }
    }
}
