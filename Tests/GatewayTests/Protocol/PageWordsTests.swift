import Testing

@testable import Gateway

/// The page's texts: what one language has all of them have, since a text that is missing would end the process.
@Suite struct PageWordsTests {
    @Test(arguments: PageLanguage.allCases)
    func everyLanguageHasTheSameTexts(_ language: PageLanguage) {
        let words = ChallengePage.words(language)
        #expect(words.names == ChallengePage.words(.english).names)
        for name in words.names { #expect(!words[name].isEmpty, "\(name)") }
    }

    @Test(arguments: PageLanguage.allCases)
    func everyLanguageHasTheSamePlaces(_ language: PageLanguage) {
        // Of texts with variants the last: the others may say a number in words.
        func places(_ words: PageWords, _ name: String) -> Set<Substring> {
            let text = words[name].split(separator: "|").last ?? ""
            return Set(
                text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().map { $0.prefix { $0 != "}" } }
            )
        }
        for name in ChallengePage.words(.english).names {
            #expect(
                places(ChallengePage.words(language), name) == places(ChallengePage.words(.english), name),
                "\(name)"
            )
        }
    }

    @Test(arguments: PageLanguage.allCases)
    func everyRefusalHasItsWords(_ language: PageLanguage) {
        let words = ChallengePage.words(language)
        for kind in RefusalKind.allCases {
            #expect(!words.title(of: kind).isEmpty)
            #expect(!words.text(of: kind).isEmpty)
        }
    }

    @Test(arguments: PageLanguage.allCases)
    func countsHaveAVariantForEachCategory(_ language: PageLanguage) {
        let words = ChallengePage.words(language)
        let counted = words.names.filter { words[$0].contains("other=") }
        #expect(counted.isSuperset(of: ["seconds", "minutes", "hours", "days"]))
        for name in counted {
            let variants = words[name].split(separator: "|").map { $0.split(separator: "=", maxSplits: 1) }
            #expect(variants.allSatisfy { $0.count == 2 }, "\(name)")
            let categories = Set(variants.compactMap { PluralCategory(rawValue: String($0[0])) })
            #expect(categories == PluralCategory.all(in: language), "\(name)")
        }
        for count in (0...120).map({ UInt64($0) }) + [1_000_000, .max] {
            #expect(PluralCategory.all(in: language).contains(PluralCategory(of: count, in: language)), "\(count)")
        }
    }

    @Test(arguments: [
        (0, "1 second"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (121, "3 minutes"),
        (7_199, "120 minutes"), (7_200, "2 hours"), (7_201, "3 hours"), (172_799, "48 hours"), (172_800, "2 days"),
        (UInt64.max, "213503982334602 days"),
    ])
    func aDurationIsSaidInOneUnitRoundedUp(_ seconds: UInt64, expected: String) {
        #expect(ChallengePage.words(.english).duration(seconds) == expected)
    }

    @Test(arguments: ["", "[]", "{\"a\": 1", "{\"a\": \"b\"} x"]) func whatIsNoObjectIsNone(_ json: String) {
        #expect(PageWords(.english, json: Array(json.utf8)) == nil)
    }

    @Test func scriptsGetWhatTheyNeed() {
        let json = ChallengePage.words(.english).scriptJSON
        #expect(json.contains("\"script.solving\""))
        #expect(json.contains("\"expired.text\""))
        #expect(json.contains("\"seconds\""))
        #expect(!json.contains("\"expired.title\""))
    }
}

/// The template's tags.
@Suite struct PageTemplateTests {
    private func render(_ template: String, _ values: [String: String] = [:]) throws -> String {
        let template = try PageTemplate(template, words: ChallengePage.words(.english))
        return String(decoding: template.render(values), as: UTF8.self)
    }

    @Test func valuesStandAsTheyAreAndAreReadOnce() throws {
        #expect(try render("a {{x}} b {{y}}{{z}}", ["x": "{{y}}", "y": "<b>"]) == "a {{y}} b <b>")
    }

    @Test func sectionsStandWhereTheirValueIs() throws {
        let template = "{{#x}}with {{x}}{{^y}}, no y{{/y}}{{/x}}{{^x}}without{{/x}}"
        #expect(try render(template) == "without")
        #expect(try render(template, ["x": "", "y": "1"]) == "without")
        #expect(try render(template, ["x": "1"]) == "with 1, no y")
        #expect(try render(template, ["x": "1", "y": "2"]) == "with 1")
    }

    @Test func wordsAreEscapedAndHoldValues() throws {
        let json = Array(#"{"w": "1 < {n} & {m}"}"#.utf8)
        let words = try #require(PageWords(.english, json: json))
        let template = try PageTemplate("{{words.w}}", words: words)
        #expect(String(decoding: template.render(["n": "<b>2</b>"]), as: UTF8.self) == "1 &lt; <b>2</b> &amp; ")
    }

    @Test func mistakesAreFound() {
        #expect(throws: PageTemplate.Mistake.sectionWithoutEnd("x")) { try render("{{#x}}a") }
        #expect(throws: PageTemplate.Mistake.endWithoutSection("/x")) { try render("a{{/x}}") }
        #expect(throws: PageTemplate.Mistake.endWithoutSection("/y")) { try render("{{#x}}a{{/y}}") }
    }
}
