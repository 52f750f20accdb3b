import Foundation
import Testing

@testable import Gateway

/// RFC 8259, for one flat object; against Foundation's reader where that is right.
@Suite struct FlatJSONTests {
    private func json(_ text: String) -> FlatJSON? { FlatJSON(Array(text.utf8)) }

    @Test func textMembersAreRead() throws {
        let object = try #require(
            json(" {\"challenge\" : \"a\" ,\n\t\"solution\":\"b\\u0063\\n\", \"n\": -1.5e+3, \"t\":true}\r\n")
        )
        #expect(object["challenge"] == "a")
        #expect(object["solution"] == "bc\n")
        #expect(object["n"] == nil && object["t"] == nil && object["absent"] == nil)
    }

    @Test(arguments: [
        ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{C}\n\r\t"), ("\"\\u00e9\\u00E9é\"", "ééé"),
        ("\"\\ud83e\\udd80\"", "\u{1F980}"), ("\"\\uD800\\uDC00\"", "\u{10000}"), ("\"\\uDBFF\\uDFFF\"", "\u{10FFFF}"),
        ("\"\\u0000\"", "\u{0}"), ("\"\u{7F}\"", "\u{7F}"), ("\"\u{2028}\"", "\u{2028}"), ("\"\"", ""),
        ("\"{\\\"a\\\":1}\"", "{\"a\":1}"),
    ]) func escapesAreRead(_ value: String, _ expected: String) { #expect(json("{\"a\":\(value)}")?["a"] == expected) }

    @Test(arguments: [
        "0", "-0", "1", "-12", "0.5", "1.0e10", "1E-2", "9e+9", "true", "false", "null",
        String(repeating: "9", count: 64),
    ]) func otherScalarsArePassedOver(_ value: String) {
        let object = json("{\"a\":\(value),\"b\":\"x\"}")
        #expect(object != nil && object?["a"] == nil && object?["b"] == "x")
    }

    static let bad: [String] = [
        "", " ", "{", "}", "{}{}", "{} x", "[]", "null", "\"a\"", "1", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}", "{\"a\" 1}", "{a:1}", "{'a':1}", "{\"a\":\"b}", "{\"a\":\"b\"", "{\"a\":\"b\"]",
        "{\"a\":'b'}",
        "{\"a\":01}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x1}",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":True}", "{\"a\":nul}", "{\"a\":truee}", "{\"a\":--1}", "{\"a\":1-1}",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12G4\"}", "{\"a\":\"\\u+123\"}", "{\"a\":\"\\",
        "{\"a\":\"\\ud83e\"}", "{\"a\":\"\\ud83ex\"}", "{\"a\":\"\\ud83e\\n\"}", "{\"a\":\"\\ud83e\\u0041\"}",
        "{\"a\":\"\\udd80\"}", "{\"a\":\"\\udd80\\ud83e\"}", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\u{0}\"}",
        "{\"a\":1}\u{0}", "\u{FEFF}{}", "{}\u{A0}", "{/**/}", "{\"a\":1}//",
        // Flat, and each name once.
        "{\"a\":{}}", "{\"a\":[]}", "{\"a\":\"x\",\"a\":\"y\"}", "{\"a\":1,\"\\u0061\":\"x\"}",
    ]

    @Test(arguments: bad) func whatIsNoFlatObjectIsNothing(_ text: String) { #expect(json(text) == nil) }

    @Test func bytesThatAreNotUTF8AreNothing() {
        for bytes: [UInt8] in [
            [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        ] {
            #expect(FlatJSON(Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)) == nil)
            #expect(FlatJSON(Array("{\"".utf8) + bytes + Array("\":1}".utf8)) == nil)
        }
    }

    @Test func membersAndDepthAreBounded() {
        func many(_ count: Int) -> String {
            "{" + (0..<count).map { "\"\($0)\":\"\($0)\"" }.joined(separator: ",") + "}"
        }
        #expect(json(many(FlatJSON.membersMax))?["31"] == "31")
        #expect(json(many(FlatJSON.membersMax + 1)) == nil)
        #expect(json(String(repeating: "{\"a\":", count: 100_000)) == nil)
        #expect(json("{\"a\":" + String(repeating: "[", count: 100_000)) == nil)
        #expect(json("{\"a\":" + String(repeating: "1", count: 100_000) + "}") == nil)
        let long = String(repeating: "x", count: 100_000)
        #expect(json("{\"a\":\"\(long)\"}")?["a"] == long)
    }

    // MARK: Against Foundation

    private static func document(_ generator: inout SeededGenerator) -> String {
        let space = ["", "", " ", "\n", "\t\r "]
        let scalars = ["0", "-1", "12.5", "1e3", "true", "false", "null", "-0.0E-1"]
        let pieces = [
            "a", "é", "\u{1F980}", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\ud83e\\udd80", " ", "{", "[", ",", ":",
            "\u{7F}",
        ]
        var text = generator.pick(space) + "{" + generator.pick(space)
        for index in 0..<generator.below(6) {
            if index > 0 { text += "," + generator.pick(space) }
            text +=
                "\"n\(index)" + generator.joined(pieces, upTo: 2) + "\"" + generator.pick(space) + ":"
                + generator.pick(space)
            text += generator.chance(60) ? "\"" + generator.joined(pieces, upTo: 8) + "\"" : generator.pick(scalars)
            text += generator.pick(space)
        }
        return text + "}" + generator.pick(space)
    }

    @Test func generatedDocumentsAreReadAsFoundationReadsThem() throws {
        var generator = SeededGenerator.printed()
        for _ in 0..<3_000 {
            let text = Self.document(&generator)
            let theirs = try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
                "the generator makes valid documents: \(text)"
            )
            let ours = try #require(json(text), "\(text)")
            for (name, value) in theirs { #expect(ours[name] == value as? String, "\(text)") }
        }
    }

    /// What we take, Foundation takes, and reads alike: no damaged document is read as another one.
    @Test func damagedDocumentsAreNotTakenMoreEasilyThanFoundationDoes() {
        var generator = SeededGenerator.printed()
        var taken = 0
        for _ in 0..<10_000 {
            let bytes = generator.mutated(Array(Self.document(&generator).utf8))
            guard let ours = FlatJSON(bytes) else { continue }
            taken += 1
            guard let theirs = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
                Issue.record("Foundation refuses what we take: \(text(bytes))")
                continue
            }
            for (name, value) in theirs { #expect(ours[name] == value as? String, "\(text(bytes))") }
        }
        #expect(taken > 500)
    }
}
