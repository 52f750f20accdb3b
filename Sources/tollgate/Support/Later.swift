import NIOConcurrencyHelpers

/// Something that is put off, one thing at a time: what is put off later takes the place of what was before. Any thread.
final class Later: Sendable {
    private struct State {
        var number: UInt64 = 0
        var task: Task<Void, Never>?
    }

    /// Whether what was put off is still wanted: neither given up, nor replaced by something else.
    struct Ticket: Sendable {
        fileprivate let later: Later
        fileprivate let number: UInt64

        var isGood: Bool { later.state.withLockedValue { $0.number == number && $0.task != nil } }
    }

    private let state = NIOLockedValueBox(State())

    /// Whether something was put off and has not come to its end.
    var isPending: Bool { state.withLockedValue { $0.task != nil } }

    /// Begins something that takes its time. Its task is cancelled when it is given up; what it must not do then, it does
    /// only while its ticket is good.
    func put(_ body: @escaping @Sendable (Ticket) async -> Void) {
        state.withLockedValue { state in
            state.task?.cancel()
            state.number += 1
            let ticket = Ticket(later: self, number: state.number)
            state.task = Task {
                await body(ticket)
                self.state.withLockedValue { if $0.number == ticket.number { $0.task = nil } }
            }
        }
    }

    /// Gives up what was put off.
    /// - Returns: whether there was something.
    @discardableResult
    func giveUp() -> Bool {
        state.withLockedValue { state in
            state.number += 1
            defer { state.task = nil }
            state.task?.cancel()
            return state.task != nil
        }
    }
}
