import Testing

@testable import Gateway

/// In which language the page speaks to a browser (RFC 4647 section 3.4, RFC 9110 section 12.5.4).
@Suite struct PageLanguageTests {
    @Test(arguments: [
        ("de", PageLanguage.german), ("de-AT,en;q=0.9", .german), ("DE-at", .german), ("pt-BR", .portuguese),
        ("ar-EG-u-nu-arab", .arabic), ("zh", .chinese), ("zh-CN", .chinese), ("zh-Hans-SG", .chinese),
        ("zh-TW", .traditionalChinese), ("zh-Hant-HK", .traditionalChinese), ("zh-hk", .traditionalChinese),
        ("en-GB", .english), ("ja", .japanese), ("fr-CH , de", .french),
    ])
    func theFirstThatItSpeaksIsTaken(_ field: String, expected: PageLanguage) {
        #expect(PageLanguage.chosen(acceptLanguage: field) == expected)
    }

    @Test(arguments: [
        ("en;q=0.1,de;q=0.2", PageLanguage.german), ("en;q=0.8, fr;q=0.9, *;q=0.5", .french),
        ("sv, nl;q=0.9, es;q=0.001", .spanish), ("de;q=0, ja;q=0.5", .japanese), ("de;q=1.000,fr", .german),
        ("fr;Q=0.3,de;q=0.4", .german),
    ])
    func weightsDecide(_ field: String, expected: PageLanguage) {
        #expect(PageLanguage.chosen(acceptLanguage: field) == expected)
    }

    @Test(arguments: [
        "", "*", "sv", "de;q=0", "xx-de", "-de", "de-", "de--at", "d e", "de;q=", "de;q=2", "de;q=1.001", "de;q=0.0001",
        "de;q=-1", "de;q=x", "de;q=0x1", "de;level=1", "de;q=0.5;q=0.5", ";q=1", ",,,", "\u{0}", "dé", "germandeutsch",
        "toolongasubtag-de", "i-de",
    ])
    func englishWhereNothingFits(_ field: String) {
        #expect(PageLanguage.chosen(acceptLanguage: field) == .english)
    }

    @Test func whatIsNotWellFormedIsPassedOver() {
        #expect(PageLanguage.chosen(acceptLanguage: "\u{1F980};q=7, de-;q=1, fr;q=0.5") == .french)
    }

    @Test func onlyTheBeginningIsRead() {
        let ranges = Array(repeating: "sv", count: PageLanguage.rangesMax).joined(separator: ",")
        #expect(PageLanguage.chosen(acceptLanguage: ranges + ",de") == .english)
        let long = String(repeating: "x", count: PageLanguage.fieldBytesMax)
        #expect(PageLanguage.chosen(acceptLanguage: long + ",de") == .english)
        #expect(PageLanguage.chosen(acceptLanguage: "de," + String(repeating: long, count: 60)) == .german)
        // The bound may cut a character in two.
        let umlauts = String(repeating: "x", count: PageLanguage.fieldBytesMax - 1) + "ü"
        #expect(PageLanguage.chosen(acceptLanguage: umlauts) == .english)
    }
}
