/// How long to wait before something is tried again that a majority did not decide: a second at first, twice as long after
/// each failure, half a minute at most; of which a random part of up to a half is left out, so that nodes that failed together
/// do not come back together.
struct RetryWaits {
    private static let first = Duration.seconds(1)
    private static let longest = Duration.seconds(30)

    private var window = Self.first

    /// The next wait.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let wait = window * Double.random(in: 0.5...1, using: &generator)
        window = min(window * 2, Self.longest)
        return wait
    }
}
