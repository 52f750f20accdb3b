/// What a check has found of one promise.
struct Verdict {
    enum Standing: String {
        case holds = "HOLDS"
        /// It was seen to be broken.
        case broken = "BROKEN"
        /// It was neither seen to hold nor to be broken: something kept the check from its end.
        case notShown = "NOT SHOWN"
    }

    /// In a word or two.
    let promise: String
    let standing: Standing
    /// With the figures, and what to do where it does not hold.
    let detail: String

    /// The line for a person.
    var line: String {
        func padded(_ text: String, _ count: Int) -> String {
            text + String(repeating: " ", count: max(0, count - text.count))
        }
        return padded(promise, 12) + padded(standing.rawValue, 11) + detail
    }
}
