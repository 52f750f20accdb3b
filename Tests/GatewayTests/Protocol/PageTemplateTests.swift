import Testing

@testable import Gateway

/// The tags that CPage.h describes.
@Suite struct PageTemplateTests {
    private let words = PageWords(.english, json: Array(#"{"hello": "Hello {name}, <you>", "plain": "a & b"}"#.utf8))!

    private func render(_ template: String, _ values: [String: String] = [:]) throws -> String {
        String(decoding: try PageTemplate(template, words: words).render(values), as: UTF8.self)
    }

    @Test func valuesStandAsTheyAre() throws {
        #expect(try render("a{{x}}b{{x}}c", ["x": "<1>"]) == "a<1>b<1>c")
        #expect(try render("a{{x}}b") == "ab")
        #expect(try render("{{x}}", ["x": "{{y}}{y}", "y": "no"]) == "{{y}}{y}")
        #expect(try render("") == "")
    }

    @Test func wordsAreEscapedAndTakeValues() throws {
        #expect(try render("{{words.plain}}") == "a &amp; b")
        #expect(try render("<{{words.hello}}>", ["name": "<b>"]) == "<Hello <b>, &lt;you&gt;>")
    }

    @Test func sectionsDependOnTheirValue() throws {
        #expect(try render("a{{#x}}b{{x}}{{/x}}c", ["x": "1"]) == "ab1c")
        #expect(try render("a{{#x}}b{{x}}{{/x}}c", ["x": ""]) == "ac")
        #expect(try render("a{{^x}}b{{/x}}c") == "abc")
        #expect(try render("a{{^x}}b{{/x}}c", ["x": "1"]) == "ac")
        #expect(try render("{{#x}}{{#y}}1{{/y}}{{^y}}2{{/y}}{{/x}}{{#x}}3{{/x}}", ["x": "1"]) == "23")
    }

    @Test func whatIsNoTagIsText() throws {
        for text in ["{", "{{", "a{b}c", "{{a", "}}", "{ {x}}"] { #expect(try render(text) == text) }
    }

    @Test func sectionsMustMatch() {
        #expect(throws: PageTemplate.Mistake.sectionWithoutEnd("x")) { try render("{{#x}}") }
        #expect(throws: PageTemplate.Mistake.endWithoutSection("/x")) { try render("{{/x}}") }
        #expect(throws: PageTemplate.Mistake.endWithoutSection("/y")) { try render("{{#x}}{{/y}}{{/x}}") }
    }

    @Test func scalarsAreEscapedOneByOne() {
        #expect(HTMLText.escaped("<\u{338}>&\"'\r\n") == "&lt;\u{338}&gt;&amp;&quot;&#39;&#13;&#10;")
        #expect(HTMLText.inScript("</script><!--") == "\\u003c/script>\\u003c!--")
    }
}
