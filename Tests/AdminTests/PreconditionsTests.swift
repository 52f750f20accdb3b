import Testing

@testable import Admin

/// `If-Match` and `If-None-Match` over versions of an override (RFC 9110, section 13.1).
@Suite struct PreconditionsTests {
    private func allowed(_ match: [String], _ noneMatch: [String] = []) throws -> [UInt64] {
        let conditions = try #require(Preconditions(ifMatch: match, ifNoneMatch: noneMatch))
        return [0, 7, 8].filter { conditions.allow($0) }
    }

    @Test func tagsAreVersions() throws {
        #expect(try allowed([]) == [0, 7, 8])
        #expect(try allowed(["*"]) == [7, 8])
        #expect(try allowed(["\"7\""]) == [7])
        #expect(try allowed(["\"6\", \"7\""]) == [7])
        #expect(try allowed(["\"6\"", "\"8\""]) == [8])
        #expect(try allowed([], ["*"]) == [0])
        #expect(try allowed([], ["\"7\""]) == [0, 8])
        #expect(try allowed(["*"], ["\"7\""]) == [8])
    }

    /// A weak tag is never enough for a change, and enough to prevent one (sections 13.1.1 and 13.1.2).
    @Test func weakTags() throws {
        #expect(try allowed(["W/\"7\""]) == [])
        #expect(try allowed([], ["W/\"7\""]) == [0, 8])
    }

    @Test func othersTagsMatchNothing() throws {
        for tag in ["\"x\"", "\"07\"", "\"+7\"", "\"\"", "\"99999999999999999999\"", "\"0\""] {
            #expect(try allowed([tag]) == [], "\(tag)")
            #expect(try allowed([], [tag]) == [0, 7, 8], "\(tag)")
        }
    }

    @Test func oneVersionNeedsNoLook() throws {
        func version(_ match: [String], _ noneMatch: [String] = []) throws -> UInt64? {
            try #require(Preconditions(ifMatch: match, ifNoneMatch: noneMatch)).version
        }
        #expect(try version(["\"7\""]) == 7)
        #expect(try version([], ["*"]) == 0)
        #expect(try version([]) == nil)
        #expect(try version(["*"]) == nil)
        #expect(try version(["\"7\", \"8\""]) == nil)
        #expect(try version(["W/\"7\""]) == nil)
        #expect(try version(["\"x\""]) == nil)
        #expect(try version(["\"7\""], ["*"]) == nil)
    }

    @Test(arguments: [
        "", " ", ",", "7", "\"7", "7\"", "W/7", "w/\"7\"", "* *", "*, \"7\"", "\"7\" \"8\"", "\"a b\"", "\"7\"x",
    ])
    func whatHasNotTheFormIsRefused(_ text: String) {
        #expect(Preconditions(ifMatch: [text], ifNoneMatch: []) == nil, "\(text)")
        #expect(Preconditions(ifMatch: [], ifNoneMatch: [text]) == nil, "\(text)")
    }
}
