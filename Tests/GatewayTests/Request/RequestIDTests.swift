import Testing

@testable import Gateway

@Suite struct RequestIDTests {
    @Test func freshIDsAreThirtyTwoDigitsAndDiffer() {
        let ids = (0..<1_000).map { _ in RequestID.make() }
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.utf8.count == 32 && $0.utf8.allSatisfy { ASCII.hexValue($0) != nil } })
        // What we make we would also take.
        #expect(ids.allSatisfy { RequestID.accepted(head("GET", "/", [("X-Request-Id", $0)])) == $0 })
    }

    @Test(arguments: [
        "a", "1-abc:de_f~g.h=", "Root=1-67891233-abcdef012345678912345678", String(repeating: "x", count: 128),
    ])
    func cleanIDsAreTaken(_ id: String) {
        #expect(RequestID.accepted(head("GET", "/", [("X-Request-Id", " \(id) ")])) == id)
    }

    @Test(arguments: [
        "", "a b", "a\u{0}b", "<script>", "a\"b", "a'b", "a,b", "a\\b", "a/b", "é", "a\r\nSet-Cookie: x", "{}", "a;b",
        "%41",
        String(repeating: "x", count: 129),
    ]) func othersAreNot(_ id: String) {
        #expect(RequestID.accepted(head("GET", "/", [("X-Request-Id", id)])) == nil)
    }

    @Test func absentIsNone() { #expect(RequestID.accepted(head()) == nil) }
}
