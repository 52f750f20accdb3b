/// A node of the file, reduced to what configurations are made of: text, lists and mappings with textual keys.
struct YAMLValue {
    /// Where something begins.
    struct Position: Equatable {
        /// From 1.
        var line: Int
        /// From 1, in Unicode scalars.
        var column: Int
    }

    /// A key and its value.
    struct Entry {
        var key: String
        var position: Position
        var value: YAMLValue
    }

    /// What a node is.
    enum Content {
        /// A scalar. `isPlain`: written without quotes, so that it may be a number or a truth value.
        case text(String, isPlain: Bool)
        case list([YAMLValue])
        /// In the file's order; no key twice.
        case mapping([Entry])
    }

    var content: Content
    var position: Position

    /// Whether nothing is written where a value should be.
    var isNothing: Bool {
        guard case .text(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What it is, for a message.
    var kind: String {
        switch content {
        case _ where isNothing: "nothing"
        case .text: "text"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}
