/// What is wrong with a value and what to do about it, before it is known where the value stands.
struct Complaint: Error, Equatable {
    /// What is wrong, in one sentence without a full stop.
    var message: String
    /// What to do, in one sentence without a full stop.
    var remedy: String

    init(_ message: String, _ remedy: String) {
        self.message = message
        self.remedy = remedy
    }
}

/// `text` in backquotes for a message: at most 60 characters, control characters and backquotes shown as `?`, so that a
/// hostile file cannot write escape sequences to a terminal or a second line to a log. What stands before an `@` may be
/// somebody's password, wherever it was written by mistake, and is left out.
func quoted(_ text: some StringProtocol) -> String {
    let scalars = text.unicodeScalars
    let secretEnd = scalars.lastIndex(of: "@")
    var shown = secretEnd == nil ? "" : "…"
    for (count, scalar) in scalars[(secretEnd ?? scalars.startIndex)...].enumerated() {
        guard count < 60 else { return "`\(shown)…`" }
        let isHarmless =
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate: false
            default: scalar != "`"
            }
        shown.unicodeScalars.append(isHarmless ? scalar : "?")
    }
    return "`\(shown)`"
}

/// The words as a person lists them: "`a`, `b` or `c`".
func alternatives(_ words: [String]) -> String {
    let words = words.map { "`\($0)`" }
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}

/// The word of `known` that was probably meant by `word`, if one is near: at most a third of its letters differ, and
/// case, `-` and `_` count for nothing. Bounds: words above 64 bytes are not compared.
func nearest(to word: String, among known: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let folded = folded(word)
    var best: (word: String, distance: Int)?
    for candidate in known {
        let target = Settings.folded(candidate)
        let distance = editDistance(folded, target)
        guard distance <= max(target.count, folded.count) / 3, distance < best?.distance ?? .max else { continue }
        best = (candidate, distance)
    }
    return best?.word
}

private func folded(_ word: String) -> [UInt8] {
    word.lowercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
}

/// How many bytes must be inserted, removed, replaced or swapped with their neighbour to make one word of the other
/// (optimal string alignment). Swaps count once as they are what fingers do.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for (i, leftByte) in left.enumerated() {
        var row = [i + 1]
        for (j, rightByte) in right.enumerated() {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (leftByte == rightByte ? 0 : 1))
            if i > 0, j > 0, leftByte == right[j - 1], left[i - 1] == rightByte {
                cost = min(cost, beforeLast[j - 1] + 1)
            }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[right.count]
}
