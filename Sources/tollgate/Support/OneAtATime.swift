import NIOConcurrencyHelpers

/// Runs one body after another, in the order in which they come. Any thread.
final class OneAtATime: Sendable {
    private let last = NIOLockedValueBox<Task<Void, Never>?>(nil)

    /// Runs a body when all that came before have ended. A body that calls this would wait for itself.
    @discardableResult
    func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        let task = last.withLockedValue { last in
            let task = Task { [before = last] in
                await before?.value
                return try await body()
            }
            last = Task { _ = await task.result }
            return task
        }
        return try await task.value
    }
}
