import Testing

@testable import Gateway

/// RFC 4647, section 3.4, by the weights of RFC 9110, section 12.5.4.
@Suite struct PageLanguageTests {
    @Test(
        arguments: [
            ("", .english), ("de", .german), ("de-CH-1996", .german), ("DE-at", .german), ("fr-CA", .french),
            ("es-419", .spanish), ("pt-BR", .portuguese), ("pt-PT", .portuguese), ("ja-JP", .japanese),
            ("ar-EG", .arabic),
            ("zh", .chinese), ("zh-CN", .chinese), ("zh-SG", .chinese), ("zh-Hans-HK", .chinese),
            ("zh-Hant", .traditionalChinese), ("zh-Hant-CN", .traditionalChinese), ("zh-TW", .traditionalChinese),
            ("zh-hk", .traditionalChinese), ("zh-MO", .traditionalChinese),
            ("fi", .english), ("fi, de", .german), ("*", .english), ("*, de;q=0.1", .german), ("de-x-private", .german),
            // The greatest weight, and among equals the first.
            ("en;q=0.1, fr;q=0.2, de;q=0.15", .french), ("en, de", .english), ("de, en", .german),
            ("de;q=0.5, en", .english),
            ("fi, sv;q=0.9, ja;q=0.001", .japanese), ("de;q=0.999, fr;q=1.000", .french),
            ("fr;q=0.8,de;q=0.8", .french),
            ("de;q=0, fr;q=0.1", .french), ("de;q=0", .english), ("de;q=0.000, en;q=0.1", .english),
            (" \t de ; q=0.5 \t,\tja\t;\tq=0.9 ", .japanese), ("de;Q=1", .german),
        ] as [(String, PageLanguage)]
    ) func theBrowsersLanguageIsFound(_ field: String, _ language: PageLanguage) {
        #expect(PageLanguage.chosen(acceptLanguage: field) == language)
    }

    @Test(
        arguments: [
            "de;q=", "de;q=2", "de;q=1.001", "de;q=0.1234", "de;q=.5", "de;q=-1", "de;q=0,5x", "de;q=1x", "de;q=0a5",
            "de;level=1",
            "de;q=1;q=1", "de--CH", "-de", "de-", "d e", "de-aaaaaaaaa", "deé", "\u{0}de", "de\u{0}", ";;;", ",,,", "=",
            "q=1",
            "<script>", "{{de}}", "../de", "de/../fr", String(repeating: "-", count: 5_000),
            String(repeating: "a-", count: 5_000) + "de",
        ]
    ) func whatIsNotWellFormedIsPassedOver(_ field: String) {
        #expect(PageLanguage.chosen(acceptLanguage: field) == .english)
        // And what stands behind it still counts, as far as it is read.
        if field.utf8.count < 100 {
            #expect(PageLanguage.chosen(acceptLanguage: field + ", ja;q=0.1") == .japanese)
        }
    }

    @Test func onlySoMuchIsRead() {
        let ranges = Array(repeating: "fi", count: PageLanguage.rangesMax)
        #expect(PageLanguage.chosen(acceptLanguage: (ranges.dropLast() + ["de"]).joined(separator: ",")) == .german)
        #expect(PageLanguage.chosen(acceptLanguage: (ranges + ["de"]).joined(separator: ",")) == .english)
        let spaces = String(repeating: " ", count: PageLanguage.fieldBytesMax)
        #expect(PageLanguage.chosen(acceptLanguage: spaces + "de") == .english)
        // The end that is cut off may be in the middle of a character.
        #expect(PageLanguage.chosen(acceptLanguage: "de," + String(repeating: "é", count: 4_000)) == .german)
    }
}
