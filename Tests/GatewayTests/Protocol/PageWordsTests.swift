import CPage
import Foundation
import Testing

@testable import Gateway

/// Each language says what every other says.
@Suite struct PageWordsTests {
    private static let counted = ["seconds", "minutes", "hours", "days", "script.in_a_row"]

    private func words(_ language: PageLanguage) -> PageWords { ChallengePage.words(language) }

    private func places(_ text: String) -> Set<String> {
        Set(text.components(separatedBy: "{").dropFirst().map { $0.components(separatedBy: "}")[0] })
    }

    @Test(arguments: PageLanguage.allCases) func allTextsAreThereWithTheirPlaces(_ language: PageLanguage) {
        let english = words(.english)
        let words = words(language)
        #expect(words.names == english.names)
        for name in english.names where !Self.counted.contains(name) {
            #expect(places(words[name]) == places(english[name]), "\(name)")
            #expect(!words[name].isEmpty && !words[name].hasPrefix(" ") && !words[name].hasSuffix(" "), "\(name)")
            #expect(!words[name].contains("|"), "\(name)")
        }
    }

    @Test(arguments: PageLanguage.allCases) func everyCountHasItsForm(_ language: PageLanguage) {
        for name in Self.counted {
            let variants = words(language)[name].split(separator: "|").map { $0.split(separator: "=", maxSplits: 1) }
            #expect(
                Set(variants.map { String($0[0]) }) == Set(PluralCategory.all(in: language).map(\.rawValue)),
                "\(name)"
            )
            // The last is also for what no category names.
            #expect(variants.last?[0] == "other")
            for variant in variants {
                var expected = places(words(.english)[name])
                // Words for one and for two need no figure.
                if ["zero", "one", "two"].contains(variant[0]) { expected.remove("n") }
                #expect(places(String(variant[1])).subtracting(["n"]) == expected.subtracting(["n"]), "\(name)")
                #expect(places(String(variant[1])).isSuperset(of: expected), "\(name)")
            }
        }
    }

    @Test(arguments: PageLanguage.allCases) func everyRefusalIsNamed(_ language: PageLanguage) {
        for kind in RefusalKind.allCases {
            #expect(!words(language).title(of: kind).isEmpty && !words(language).text(of: kind).isEmpty)
        }
    }

    @Test func languagesDiffer() {
        for name in words(.english).names where name != "script.rounds" {
            let texts = PageLanguage.allCases.map { words($0)[name] }
            // Neighbours share a word here and there; a language that was forgotten shares all.
            #expect(Set(texts).count >= 5, "\(name)")
        }
    }

    @Test(
        arguments: [
            (0, "1 second"), (1, "1 second"), (2, "2 seconds"), (119, "119 seconds"), (120, "2 minutes"),
            (121, "3 minutes"), (7_199, "120 minutes"), (7_200, "2 hours"), (7_201, "3 hours"), (172_799, "48 hours"),
            (172_800, "2 days"), (172_801, "3 days"), (.max, "213503982334602 days"),
        ] as [(UInt64, String)]
    ) func durationsAreRoundedUp(_ seconds: UInt64, _ text: String) {
        #expect(words(.english).duration(seconds) == text)
    }

    @Test(
        arguments: [
            (.german, 1, "1 Sekunde"), (.german, 172_800, "2 Tagen"), (.french, 1, "1 seconde"),
            (.french, 2, "2 secondes"),
            (.spanish, 1, "1 segundo"), (.portuguese, 7_200, "2 horas"), (.japanese, 90, "90秒"),
            (.chinese, 600, " 10 分钟"),
            (.traditionalChinese, 600, " 10 分鐘"), (.arabic, 1, "ثانية واحدة"), (.arabic, 2, "ثانيتين"),
            (.arabic, 3, "3 ثوانٍ"),
            (.arabic, 11, "11 ثانية"), (.arabic, 100, "100 ثانية"), (.arabic, 103, "103 ثوانٍ"),
            (.arabic, 7_200, "ساعتين"),
        ] as [(PageLanguage, UInt64, String)]
    ) func countsTakeTheirForm(_ language: PageLanguage, _ seconds: UInt64, _ text: String) {
        #expect(words(language).duration(seconds) == text)
    }

    /// Samples of the Unicode CLDR's language plural rules.
    @Test func categoriesAreTheCLDRs() {
        func category(_ count: UInt64, _ language: PageLanguage) -> String {
            PluralCategory(of: count, in: language).rawValue
        }
        #expect([0, 1, 2].map { category($0, .english) } == ["other", "one", "other"])
        #expect([0, 1, 2, 1_000_000].map { category($0, .french) } == ["one", "one", "other", "many"])
        #expect([0, 1, 2, 2_000_000].map { category($0, .spanish) } == ["other", "one", "other", "many"])
        #expect([0, 1, 2, 1_000_000].map { category($0, .portuguese) } == ["one", "one", "other", "many"])
        #expect([0, 1, 5].map { category($0, .japanese) } == ["other", "other", "other"])
        let arabic = [0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 110, 111, 199, 200, 1_003].map {
            category($0, .arabic)
        }
        #expect(
            arabic == [
                "zero", "one", "two", "few", "few", "many", "many", "other", "other", "other", "few", "few", "many",
                "many", "other", "few",
            ]
        )
    }

    @Test func aFileThatIsNoFlatObjectIsNone() {
        for json in ["", "[]", "{\"a\": {}}", "{\"a\": \"b\"", "{\"a\": \"b\", \"a\": \"c\"}"] {
            #expect(PageWords(.english, json: Array(json.utf8)) == nil)
        }
    }
}
