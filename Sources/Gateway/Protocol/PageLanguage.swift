/// The languages in which the page speaks.
enum PageLanguage: String, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
    case french = "fr"
    case spanish = "es"
    case portuguese = "pt"
    case japanese = "ja"
    /// In simplified characters.
    case chinese = "zh"
    case traditionalChinese = "zh-Hant"
    case arabic = "ar"

    /// The language tag (RFC 5646) of its texts.
    var tag: String { self == .chinese ? "zh-Hans" : rawValue }

    /// `ltr` or `rtl`.
    var direction: String { self == .arabic ? "rtl" : "ltr" }

    /// Most bytes of `Accept-Language` that are read, and most ranges.
    static let fieldBytesMax = 1_024
    static let rangesMax = 32

    /// The language that a browser asks for: by lookup (RFC 4647, section 3.4) in the order of the weights in
    /// `Accept-Language` (RFC 9110, section 12.5.4). What is not well-formed is passed over; English where nothing fits.
    ///
    /// - Parameter acceptLanguage: the field as it came. Its cost is bounded, whatever it holds.
    static func chosen(acceptLanguage: String) -> PageLanguage {
        var best: (language: PageLanguage, weight: Int)?
        let items = acceptLanguage.utf8.prefix(fieldBytesMax).split(separator: UInt8(ascii: ","), maxSplits: rangesMax)
        for item in items.prefix(rangesMax) {
            let parts = item.split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
            guard let weight = parts.count == 1 ? 1_000 : weight(parts[1]), weight > best?.weight ?? 0,
                let language = lookedUp(range: trimmed(parts[0]))
            else { continue }
            best = (language, weight)
        }
        return best?.language ?? .english
    }

    /// Languages by the tags that lead to them, in lower case.
    private static let byTag: [String: PageLanguage] = {
        var byTag: [String: PageLanguage] = [:]
        for language in allCases {
            byTag[language.rawValue.lowercased()] = language
            byTag[language.tag.lowercased()] = language
        }
        // Regions that write traditional characters, where the tag does not say so.
        for region in ["zh-tw", "zh-hk", "zh-mo"] { byTag[region] = .traditionalChinese }
        return byTag
    }()

    /// The range itself, or what is left of it when subtags are taken off its end; not `*`, which says nothing.
    private static func lookedUp(range: Substring.UTF8View) -> PageLanguage? {
        guard range.count <= 64 else { return nil }
        var subtags = String(Substring(range)).lowercased().split(separator: "-", omittingEmptySubsequences: false)
        let isWellFormed = subtags.allSatisfy { subtag in
            (1...8).contains(subtag.utf8.count) && subtag.utf8.allSatisfy { isLetterOrDigit($0) }
        }
        guard isWellFormed else { return nil }
        while !subtags.isEmpty {
            if let language = byTag[subtags.joined(separator: "-")] { return language }
            subtags.removeLast()
            // A single letter or digit only introduces what has just been taken off.
            if subtags.last?.utf8.count == 1 { subtags.removeLast() }
        }
        return nil
    }

    /// A weight in thousandths, from `q=0.8`; nil where it is not one.
    private static func weight(_ parameter: Substring.UTF8View) -> Int? {
        let text = Array(trimmed(parameter))
        guard text.count >= 3, text.count <= 7, text[0] | 0x20 == UInt8(ascii: "q"), text[1] == UInt8(ascii: "=") else {
            return nil
        }
        let digits = text[2...]
        guard digits.first == UInt8(ascii: "0") || digits.first == UInt8(ascii: "1") else { return nil }
        if digits.count > 1, digits[3] != UInt8(ascii: ".") { return nil }
        var value = Int(digits[2] - UInt8(ascii: "0")) * 1_000
        var place = 100
        for digit in digits.dropFirst(2) {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value += Int(digit - UInt8(ascii: "0")) * place
            place /= 10
        }
        return value <= 1_000 ? value : nil
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text
        while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
