/// A scenario's file, line by line.
///
/// What begins at the margin is prose. What is indented by four blanks is a command. After a command that ends in a
/// colon, lines indented by eight blanks are what is seen to happen while it runs: they are compared, or written anew.
struct ScenarioScript {
    enum Line {
        case prose(String)
        case command([String], showsTrace: Bool)
        case trace(String)
    }

    let lines: [Line]

    /// Words with which commands begin: a paragraph that begins with one is a command that lost its indentation.
    static let verbs: Set<String> = [
        "settings", "nodes", "disk", "join", "wipe", "tick", "run", "timeout", "elect", "campaign", "deliver", "drop",
        "cut", "partition", "heal", "hold", "release", "replay", "persist", "crash", "restart", "propose", "flood",
        "read", "transfer", "change", "compact", "spoil", "watch", "twice", "expect",
    ]

    init(_ text: String) throws {
        var lines: [Line] = []
        var showsTrace = false
        var startsParagraph = true
        for (offset, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(separator: " ").map(String.init)
            if line.hasPrefix("        ") {
                guard showsTrace else { throw ScenarioFailure(line: offset + 1, "a trace belongs below a colon") }
                lines.append(.trace(words.joined(separator: " ")))
            } else if line.hasPrefix("    ") {
                showsTrace = line.hasSuffix(":")
                let command = showsTrace ? String(line.dropLast()) : String(line)
                lines.append(.command(command.split(separator: " ").map(String.init), showsTrace: showsTrace))
            } else {
                if startsParagraph, let first = words.first, Self.verbs.contains(first) {
                    throw ScenarioFailure(line: offset + 1, "a command is indented by four blanks")
                }
                showsTrace = false
                lines.append(.prose(String(line)))
            }
            startsParagraph = words.isEmpty || line.hasPrefix(" ")
        }
        self.lines = lines
    }
}

/// Why a scenario ended early, and where.
struct ScenarioFailure: Error {
    /// From 1; 0 where the whole file is meant.
    var line: Int
    var reason: String

    init(line: Int = 0, _ reason: String) {
        self.line = line
        self.reason = reason
    }
}
