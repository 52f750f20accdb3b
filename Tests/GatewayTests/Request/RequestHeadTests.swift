import Testing

@testable import Gateway

@Suite struct RequestHeadTests {
    @Test func namesAreLowerCaseAndValuesAreTrimmed() {
        let head = head("PoSt", "/A?B", [("X-ThIng", " \t Va lue\t "), ("EMPTY", ""), ("Blank", " \t ")])
        #expect(head.string(head.method) == "PoSt")
        #expect(head.string(head.target) == "/A?B")
        #expect(head.first("x-thing").map(head.string) == "Va lue")
        #expect(head.first("empty").map(head.string) == "")
        #expect(head.first("blank").map(head.string) == "")
        #expect(head.first("X-Thing") == nil)
    }

    @Test func severalFieldsOfOneNameKeepTheirOrder() {
        let head = head("GET", "/", [("a", "1"), ("b", "2"), ("A", "3")])
        #expect(head.all("a").map(head.string) == ["1", "3"])
        #expect(head.all(named: "a").map(head.string) == ["1", "3"])
        #expect(head.first("a").map(head.string) == "1")
        #expect(head.first(named: "b").map(head.string) == "2")
        #expect(head.first(named: "c") == nil && head.all("c").isEmpty && head.all(named: "ab").isEmpty)
        #expect(head.fields.count == 3)
    }

    @Test func equalMeansAllBytes() {
        let head = head("GETX", "/")
        #expect(head.equals(head.method, "GETX"))
        #expect(
            !head.equals(head.method, "GET") && !head.equals(head.method, "GETXX") && !head.equals(head.method, "getx")
        )
        #expect(!head.isGetOrHead)
    }

    @Test(arguments: [("GET", true), ("HEAD", true), ("get", false), ("POST", false), ("", false)])
    func methodsAreTold(_ method: String, _ isGetOrHead: Bool) {
        #expect(head(method).isGetOrHead == isGetOrHead)
    }

    @Test func foldingTouchesLettersOnly() {
        for byte in UInt8.min ... .max {
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            #expect(ASCII.lowercased(byte) == (isUpper ? byte + 32 : byte))
        }
    }

    @Test func hexadecimalDigitsAreTheirValues() {
        for byte in UInt8.min ... .max {
            let digit = Character(Unicode.Scalar(byte))
            #expect(ASCII.hexValue(byte) == (byte < 0x80 ? digit.hexDigitValue.map(UInt8.init) : nil))
        }
    }

    /// RFC 3986 section 2.3.
    @Test func unreservedCharactersAreThose() {
        let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        for byte in UInt8.min ... .max { #expect(ASCII.isUnreserved(byte) == unreserved.contains(byte)) }
    }

    @Test func whatTheParserCouldNotReadIsSeen() {
        #expect(!head("GET", "/é\u{1F980}\u{FFFE}", [("a", "\u{FFFC}")]).hasReplacementCharacter)
        #expect(head("GET", "/\u{FFFD}").hasReplacementCharacter)
        #expect(head("GET", "/", [("a", "x\u{FFFD}")]).hasReplacementCharacter)
        #expect(head("GET", "/", [("a\u{FFFD}", "")]).hasReplacementCharacter)
        #expect(head("\u{FFFD}").hasReplacementCharacter)
    }

    @Test func nothingIsLostOfRandomFields() {
        var generator = SeededGenerator.printed()
        for _ in 0..<500 {
            let fields = (0..<generator.below(40)).map { index in
                ("n\(index % 7)", generator.joined(["a", "Z", " x", "é", ",", "=", "\"", "\u{1F980}"], upTo: 12))
            }
            let head = head("M", "/t", fields)
            for name in 0..<7 {
                let expected = fields.filter { $0.0 == "n\(name)" }.map { $0.1.drop { $0 == " " } }
                #expect(head.all(named: "n\(name)").map(head.string) == expected.map(String.init))
            }
        }
    }
}
