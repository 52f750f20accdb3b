import Testing

@testable import Admin

/// What stands in paths and queries of the admin interface.
@Suite struct PathTextTests {
    @Test func segmentsAreDecoded() {
        #expect(PathText.decoded("203.0.113.0%2F24") == "203.0.113.0/24")
        #expect(PathText.decoded("2001:db8::%2f48") == "2001:db8::/48")
        #expect(PathText.decoded("header:k%C3%A4se%20x") == "header:käse x")
        #expect(PathText.decoded("a+b") == "a+b")
        for wrong in ["%", "%2", "%zz", "%+1", "%C3", "a%2"] {
            #expect(PathText.decoded(wrong[...]) == nil, "\(wrong)")
        }
    }

    @Test func queriesHaveKnownFieldsOnce() {
        let known: Set<String> = ["policy", "limit"]
        #expect(PathText.fields("", known: known) == [:])
        #expect(PathText.fields("policy=a%26b&limit=3", known: known) == ["policy": "a&b", "limit": "3"])
        #expect(PathText.fields("policy=", known: known) == ["policy": ""])
        for wrong in ["x=1", "policy", "policy=1&policy=2", "limit=%", "=1"] {
            #expect(PathText.fields(wrong[...], known: known) == nil, "\(wrong)")
        }
    }
}
