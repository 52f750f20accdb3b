// From bytes to a tree, by Yams, with what makes YAML dangerous taken out of it.
//
// Anchors and aliases let a small file stand for a huge tree ("billion laughs"), and the library would already walk
// that tree when it compares keys, before we could look at it. So there must be none when it begins: every `&` is
// replaced by a private character that the text does not hold and that is one column wide too, and put back in the
// scalars that come out. A plain scalar that then begins with `&` was an anchor; an alias has nothing to refer to and
// is the library's own error.
internal import Yams

enum YAMLComposer {
    /// What is read at most.
    static let byteLimit = 1_048_576
    /// How deep lists and mappings may nest; the deepest meaningful path is half of it.
    static let depthLimit = 24

    struct Fault: Error {
        var complaint: Complaint
        var position: YAMLValue.Position
    }

    /// The tree of `text`, one document of at most ``byteLimit`` bytes; nil if there is nothing in it.
    static func compose(_ text: String) throws(Fault) -> YAMLValue? {
        var text = text
        if text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) { text.unicodeScalars.removeFirst() }
        guard text.utf8.count <= byteLimit else {
            throw Fault(
                complaint: Complaint("the file is larger than 1 MiB", "move lists of clients to files of their own"),
                position: .init(line: 1, column: 1)
            )
        }
        let scan = try Scan(text)
        let disguised = String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "&" ? scan.disguise : $0 }))
        let root: Node?
        do {
            // The basic resolver: what is a number is our question, and not one for twelve regular expressions.
            root = try Yams.compose(yaml: disguised, .basic, .default, .utf8)
        } catch {
            throw fault(of: error, in: text, disguise: scan.disguise)
        }
        guard let root else { return nil }
        return try convert(root, disguise: scan.disguise, depth: 0)
    }

    private static func convert(_ node: Node, disguise: Unicode.Scalar, depth: Int) throws(Fault) -> YAMLValue {
        let mark = node.mark
        let position = YAMLValue.Position(line: mark?.line ?? 1, column: mark?.column ?? 1)
        func refuse(_ message: String, _ remedy: String) -> Fault {
            Fault(complaint: Complaint(message, remedy), position: position)
        }
        guard depth <= depthLimit else {
            throw refuse("the file nests too deeply here", "remove needless brackets or levels")
        }
        let tag: String
        let content: YAMLValue.Content
        switch node {
        case .scalar(let scalar):
            tag = scalar.tag.description
            let isPlain = scalar.style == .plain || scalar.style == .any
            if isPlain, scalar.string.unicodeScalars.first == disguise {
                throw refuse(
                    "anchors (`&name`) are not supported",
                    "write the value out, or put text that begins with `&` in quotes"
                )
            }
            let restored = scalar.string.unicodeScalars.map { $0 == disguise ? "&" : $0 }
            content = .text(String(String.UnicodeScalarView(restored)), isPlain: isPlain)
        case .sequence(let sequence):
            tag = sequence.tag.description
            var values: [YAMLValue] = []
            for element in sequence { values.append(try convert(element, disguise: disguise, depth: depth + 1)) }
            content = .list(values)
        case .mapping(let mapping):
            tag = mapping.tag.description
            var entries: [YAMLValue.Entry] = []
            for (key, value) in mapping {
                let key = try convert(key, disguise: disguise, depth: depth + 1)
                guard case .text(let name, _) = key.content else {
                    throw Fault(
                        complaint: Complaint("a field's name must be text, found \(key.kind)", "write `name: value`"),
                        position: key.position
                    )
                }
                var value = try convert(value, disguise: disguise, depth: depth + 1)
                // Nothing is nowhere: the library's mark for it may be on a later line.
                if value.isNothing { value.position = key.position }
                entries.append(.init(key: name, position: key.position, value: value))
            }
            content = .mapping(entries)
        case .alias:
            throw refuse("aliases (`*name`) are not supported", "write the value out")
        }
        // What has no tag gets an empty one or the one of its kind.
        guard ["", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"].contains(tag) else {
            throw refuse("tags (`!name`) are not supported", "write the value without it, or text in quotes")
        }
        return YAMLValue(content: content, position: position)
    }

    /// The library's error in our words, where they help.
    private static func fault(of error: any Error, in text: String, disguise: Unicode.Scalar) -> Fault {
        func make(_ message: String, _ remedy: String, _ mark: Mark?) -> Fault {
            Fault(
                complaint: Complaint(message, remedy),
                position: .init(line: max(mark?.line ?? 1, 1), column: max(mark?.column ?? 1, 1))
            )
        }
        let remedy = "check indentation, brackets and quotes here and on the line before"
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if problem.contains("alias") || context?.text.contains("alias") == true {
                return make(
                    "text that begins with `*` is an alias in YAML",
                    "put it in quotes, as in `host: \"*.example.com\"`",
                    mark
                )
            }
            if problem.contains("another document") {
                return make("the file holds more than one document", "remove what follows `---`", mark)
            }
            if context?.text.contains("anchor") == true || holdsAnchor(text, upTo: mark.line) {
                return make(
                    "this is not valid YAML: \(problem)",
                    "\(remedy); anchors (`&name`) are not supported",
                    mark
                )
            }
            return make("this is not valid YAML: \(problem)", remedy, mark)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.sorted().prefix(5).map {
                quoted(String($0.unicodeScalars.map { $0 == disguise ? "&" : Character($0) }))
            }.joined(separator: ", ")
            return make("\(names) stands more than once in this mapping", "keep one of them", context.mark)
        case .reader(let problem, _, _, _):
            return make("the file cannot be read as text: \(problem)", "save it as UTF-8", nil)
        default:
            return make("this is not valid YAML", remedy, nil)
        }
    }

    /// Whether the given line or the one before has a word that begins with `&`.
    private static func holdsAnchor(_ text: String, upTo line: Int) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return [line - 2, line - 1].contains { index in
            lines.indices.contains(index)
                && lines[index].split(separator: " ").contains { $0.hasPrefix("&") && $0.count > 1 }
        }
    }

    /// One pass over the text before the library sees it.
    private struct Scan {
        /// A private-use character that the text does not hold.
        var disguise: Unicode.Scalar

        init(_ text: String) throws(Fault) {
            var used = Set<Unicode.Scalar>()
            var line = 1
            var column = 1
            // Brackets that are open, whether or not they stand in quotes: more than this no sane file has.
            var open = 0
            for scalar in text.unicodeScalars {
                let position = YAMLValue.Position(line: line, column: column)
                switch scalar {
                case "\n":
                    (line, column) = (line + 1, 1)
                    continue
                case "\t", "\r", "\u{85}":
                    break
                case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
                    throw Fault(
                        complaint: Complaint(
                            "the file holds the control character U+\(String(scalar.value, radix: 16, uppercase: true))",
                            "remove it"
                        ),
                        position: position
                    )
                case "[", "{":
                    open += 1
                    guard open <= 10_000 else {
                        throw Fault(
                            complaint: Complaint("the file nests too deeply here", "close the brackets before"),
                            position: position
                        )
                    }
                case "]", "}":
                    open = max(open - 1, 0)
                case "\u{E000}"..."\u{E0FF}":
                    used.insert(scalar)
                default:
                    break
                }
                column += 1
            }
            guard let free = (0xE000...0xE0FF).lazy.compactMap(Unicode.Scalar.init).first(where: { !used.contains($0) })
            else {
                throw Fault(
                    complaint: Complaint(
                        "the file holds too many private-use characters",
                        "remove those from U+E000 to U+E0FF"
                    ),
                    position: .init(line: 1, column: 1)
                )
            }
            disguise = free
        }
    }
}
