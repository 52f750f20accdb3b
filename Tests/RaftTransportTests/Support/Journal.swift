import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// What happened, in order, and a way to wait for it. Any thread.
final class Journal<Element: Sendable>: Sendable {
    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    private struct Waiter {
        let number: Int
        let isDone: @Sendable ([Element]) -> Bool
        let continuation: CheckedContinuation<[Element], any Error>
    }

    private struct Content {
        var elements: [Element] = []
        var waiters: [Waiter] = []
        var number = 0
    }

    private let content = NIOLockedValueBox(Content())

    var elements: [Element] { content.withLockedValue { $0.elements } }

    func append(_ element: Element) {
        let done = content.withLockedValue { content in
            content.elements.append(element)
            let done = content.waiters.filter { $0.isDone(content.elements) }
            content.waiters.removeAll { waiter in done.contains { $0.number == waiter.number } }
            return done.map { ($0.continuation, content.elements) }
        }
        for (continuation, elements) in done { continuation.resume(returning: elements) }
    }

    /// Waits until all that has happened satisfies this, at most a minute.
    @discardableResult
    func wait(
        for what: String = #function,
        _ isDone: @escaping @Sendable ([Element]) -> Bool
    ) async throws -> [Element] {
        try await withCheckedThrowingContinuation { continuation in
            let number: Int? = content.withLockedValue { content in
                if isDone(content.elements) { return nil }
                content.number += 1
                content.waiters.append(Waiter(number: content.number, isDone: isDone, continuation: continuation))
                return content.number
            }
            guard let number else { return continuation.resume(returning: elements) }
            MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .seconds(60)) { [self] in
                let (waiter, elements) = content.withLockedValue { content in
                    let place = content.waiters.firstIndex { $0.number == number }
                    return (place.map { content.waiters.remove(at: $0) }, content.elements)
                }
                waiter?.continuation.resume(
                    throwing: TimedOut(description: "\(what); there was: \(elements.suffix(20))")
                )
            }
        }
    }
}
