/// A template of HTML, with the tags that `CPage.h` describes: values, words and sections.
///
/// It is made for one language: its words stand in it already. An immutable value; any thread.
struct PageTemplate: Sendable {
    /// A mistake in the template or in the words, both of which are the program's own.
    enum Mistake: Error, Equatable {
        case sectionWithoutEnd(String)
        case endWithoutSection(String)
    }

    private indirect enum Piece: Sendable {
        case text(String)
        case value(String)
        case section(String, isInverted: Bool, [Piece])
    }

    private let pieces: [Piece]

    init(_ template: String, words: PageWords) throws(Mistake) {
        var reader = Reader(rest: template[...], words: words)
        pieces = try reader.pieces(until: nil)
    }

    /// The template with its values, which are HTML already; one that is missing is empty.
    func render(_ values: [String: String]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(16_384)
        Self.render(pieces, values, into: &output)
        return output
    }

    /// Names of all values that are used, for tests.
    var names: Set<String> { Self.names(pieces) }

    private static func render(_ pieces: [Piece], _ values: [String: String], into output: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(contentsOf: text.utf8)
            case .value(let name): output.append(contentsOf: (values[name] ?? "").utf8)
            case .section(let name, let isInverted, let inner):
                let isEmpty = values[name]?.isEmpty ?? true
                if isEmpty == isInverted { render(inner, values, into: &output) }
            }
        }
    }

    private static func names(_ pieces: [Piece]) -> Set<String> {
        pieces.reduce(into: []) { names, piece in
            switch piece {
            case .text: break
            case .value(let name): names.insert(name)
            case .section(let name, _, let inner): names.formUnion(Self.names(inner).union([name]))
            }
        }
    }

    /// Reads a template from its beginning to its end.
    private struct Reader {
        var rest: Substring
        let words: PageWords

        /// What comes up to the end of the section of this name; nil: up to the end of all.
        mutating func pieces(until section: String?) throws(Mistake) -> [Piece] {
            var pieces: [Piece] = []
            while let tag = nextTag(into: &pieces) {
                switch tag.first {
                case "#", "^":
                    let name = String(tag.dropFirst())
                    pieces.append(.section(name, isInverted: tag.first == "^", try self.pieces(until: name)))
                case "/":
                    guard let section, tag.dropFirst() == section else { throw .endWithoutSection(tag) }
                    return pieces
                default:
                    if tag.hasPrefix("words.") {
                        append(text: HTMLText.escaped(words[String(tag.dropFirst("words.".count))]), to: &pieces)
                    } else {
                        pieces.append(.value(tag))
                    }
                }
            }
            if let section { throw .sectionWithoutEnd(section) }
            return pieces
        }

        /// Takes the text before the next tag, and the tag; nil at the end.
        private mutating func nextTag(into pieces: inout [Piece]) -> String? {
            guard let open = rest.firstRange(of: "{{"), let close = rest[open.upperBound...].firstRange(of: "}}") else {
                pieces.append(.text(String(rest)))
                rest = ""
                return nil
            }
            pieces.append(.text(String(rest[..<open.lowerBound])))
            let tag = String(rest[open.upperBound..<close.lowerBound])
            rest = rest[close.upperBound...]
            return tag
        }

        /// A text of the language: `{name}` in it is a value.
        private func append(text: String, to pieces: inout [Piece]) {
            var text = text[...]
            while let open = text.firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") {
                pieces.append(.text(String(text[..<open])))
                pieces.append(.value(String(text[text.index(after: open)..<close])))
                text = text[text.index(after: close)...]
            }
            pieces.append(.text(String(text)))
        }
    }
}

/// Text inside HTML.
enum HTMLText {
    /// The text as the content of an element or the value of an attribute in quotes.
    static func escaped(_ text: String) -> String {
        var output = ""
        output.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            // HTML makes one line feed of both.
            case "\r": output += "&#13;"
            case "\n": output += "&#10;"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// JSON as the content of a script element: nothing in it can end the element.
    static func inScript(_ json: String) -> String {
        json.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar == "<" { text += "\\u003c" } else { text.unicodeScalars.append(scalar) }
        }
    }

    /// Hidden inputs that hold a form's fields, in their order.
    static func inputs(_ fields: [FormReplay.Field]) -> String {
        fields.map { field in
            let name = escaped(field.name)
            let value = escaped(field.value)
            // A hidden input of this name would send the form's encoding in place of its value (HTML, "constructing the
            // entry list"). A text area drops one line feed after its tag.
            guard field.name.lowercased() == "_charset_" else {
                return "<input type=\"hidden\" name=\"\(name)\" value=\"\(value)\">"
            }
            return "<textarea hidden name=\"\(name)\">\n\(value)</textarea>"
        }
        .joined(separator: "\n")
    }
}
