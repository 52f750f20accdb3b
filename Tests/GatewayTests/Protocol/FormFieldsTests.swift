import Testing

@testable import Gateway

@Suite struct FormFieldsTests {
    private func form(_ text: String) -> FormFields? { FormFields(Array(text.utf8)) }

    @Test func fieldsAreDecoded() throws {
        let form = try #require(self.form("challenge=a-b_c&solution=x%2By+z&e%6Dpty=&bare&=noname&p=a%3Db%26c"))
        #expect(form["challenge"] == "a-b_c")
        #expect(form["solution"] == "x+y z")
        #expect(form["empty"] == "" && form["bare"] == "" && form[""] == "noname")
        #expect(form["p"] == "a=b&c")
        #expect(form["absent"] == nil)
    }

    @Test func onlyTheFirstEqualsSignSeparates() { #expect(form("a=b=c")?["a"] == "b=c") }

    @Test func emptyPairsAreNothing() {
        #expect(form("")?["a"] == nil && form("") != nil)
        #expect(form("&&a=1&&b=2&")?["b"] == "2")
    }

    @Test(arguments: [
        "a=%", "a=%4", "a=%zz", "a=%4g", "%=1", "a=%+1", "a=1&a=2", "a=1&%61=2", "a&a", "a=%ff", "a=%c0%af", "%ff=1",
        "a=%ed%a0%80",
    ]) func badFormsAreNothing(_ text: String) { #expect(form(text) == nil) }

    @Test func rawBytesThatAreNotUTF8AreNothing() { #expect(FormFields([0x61, 0x3D, 0xFF]) == nil) }

    @Test func fieldsAreBounded() {
        func many(_ count: Int) -> String { (0..<count).map { "n\($0)=\($0)" }.joined(separator: "&") }
        #expect(form(many(FormFields.fieldsMax))?["n31"] == "31")
        #expect(form(many(FormFields.fieldsMax + 1)) == nil)
        #expect(form(many(100_000)) == nil)
    }

    /// What is encoded is read as it was, whatever the text.
    @Test func encodingAndReadingAreInverse() {
        var generator = SeededGenerator.printed()
        let pieces = ["a", "&", "=", "+", " ", "%", "é", "\u{1F980}", "\u{0}", "\"", ";", "%41", "\n"]
        for _ in 0..<2_000 {
            var fields: [String: String] = [:]
            for index in 0..<generator.below(8) {
                fields["\(index)" + generator.joined(pieces, upTo: 4)] = generator.joined(pieces, upTo: 8)
            }
            let body = fields.map { encoded($0.key, &generator) + "=" + encoded($0.value, &generator) }.joined(
                separator: "&"
            )
            let form = self.form(body)
            for (name, value) in fields { #expect(form?[name] == value, "\(body)") }
        }
    }

    private func encoded(_ text: String, _ generator: inout SeededGenerator) -> String {
        var output = ""
        for byte in text.utf8 {
            let mustBe = !ASCII.isUnreserved(byte)
            if byte == 0x20, generator.chance(50) {
                output += "+"
            } else if mustBe || generator.chance(20) {
                let digits = String(byte, radix: 16, uppercase: generator.chance(50))
                output += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            } else {
                output += String(Unicode.Scalar(byte))
            }
        }
        return output
    }

    @Test func randomBytesNeverCrash() {
        var generator = SeededGenerator.printed()
        for _ in 0..<10_000 {
            _ = FormFields(generator.mutated(Array("challenge=a%2Bb&solution=c+d%C3%A9&x".utf8)))
            _ = FormFields(generator.bytes(generator.below(60)))
        }
    }
}
