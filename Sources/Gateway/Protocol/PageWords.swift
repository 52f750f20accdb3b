/// The texts of the page in one language, from the files that are embedded in the program.
///
/// An immutable value; any thread.
struct PageWords: Sendable {
    let language: PageLanguage
    private let texts: [String: String]
    /// What the page's scripts need of it, as a JSON object.
    let scriptJSON: String

    /// Most texts that a language may have.
    static let textsMax = 256

    /// - Parameter json: a flat JSON object.
    /// - Returns: nil where it is not one.
    init?(_ language: PageLanguage, json: [UInt8]) {
        guard let object = FlatJSON(json, membersMax: Self.textsMax) else { return nil }
        self.language = language
        texts = object.texts
        var script = JSONText()
        script.begin()
        for (name, text) in object.texts.sorted(by: { $0.key < $1.key }) where Self.isForScripts(name) {
            script.member(name, text)
        }
        script.end()
        scriptJSON = script.text
    }

    var names: Set<String> { Set(texts.keys) }

    /// The text of this name, with its `{places}` as they are. All languages have the same names: a missing one is a
    /// mistake in the program.
    subscript(name: String) -> String {
        guard let text = texts[name] else { preconditionFailure("the page has no text \(name) in \(language)") }
        return text
    }

    func title(of kind: RefusalKind) -> String { self[kind.rawValue + ".title"] }
    func text(of kind: RefusalKind) -> String { self[kind.rawValue + ".text"] }

    /// A duration in one unit, rounded up, as the scripts say it too.
    func duration(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<120: counted(max(1, seconds), "seconds")
        case ..<(2 * 3_600): counted((seconds - 1) / 60 + 1, "minutes")
        case ..<(48 * 3_600): counted((seconds - 1) / 3_600 + 1, "hours")
        default: counted((seconds - 1) / 86_400 + 1, "days")
        }
    }

    /// The variant of a text that the language has for a count, which stands in it as `{n}`.
    private func counted(_ count: UInt64, _ name: String) -> String {
        let category = PluralCategory(of: count, in: language)
        let variants = self[name].split(separator: "|").map { $0.split(separator: "=", maxSplits: 1) }
        let variant = variants.first { $0[0] == category.rawValue } ?? variants[variants.count - 1]
        let parts = variant[1].split(separator: "{n}", omittingEmptySubsequences: false)
        return parts.joined(separator: String(count))
    }

    /// Those whose names `CPage.h` names.
    private static func isForScripts(_ name: String) -> Bool {
        name.hasPrefix("script.") || name.hasSuffix(".text") || ["seconds", "minutes", "hours", "days"].contains(name)
    }
}

/// The categories of counts of whole things (Unicode CLDR, "Language Plural Rules"), for the page's languages.
enum PluralCategory: String, Sendable, CaseIterable {
    case zero, one, two, few, many, other

    init(of count: UInt64, in language: PageLanguage) {
        switch language {
        case .english, .german: self = count == 1 ? .one : .other
        case .french, .portuguese: self = count <= 1 ? .one : Self.millions(count)
        case .spanish: self = count == 1 ? .one : Self.millions(count)
        case .japanese, .chinese, .traditionalChinese: self = .other
        case .arabic:
            switch (count, count % 100) {
            case (0, _): self = .zero
            case (1, _): self = .one
            case (2, _): self = .two
            case (_, 3...10): self = .few
            case (_, 11...): self = .many
            default: self = .other
            }
        }
    }

    /// "Un million de secondes": whole millions have a form of their own.
    private static func millions(_ count: UInt64) -> Self {
        count != 0 && count % 1_000_000 == 0 ? .many : .other
    }

    /// Those that whole numbers of a language fall into.
    static func all(in language: PageLanguage) -> Set<Self> {
        switch language {
        case .english, .german: [.one, .other]
        case .french, .portuguese, .spanish: [.one, .many, .other]
        case .japanese, .chinese, .traditionalChinese: [.other]
        case .arabic: Set(allCases)
        }
    }
}
