/// On what a change depends: `If-Match` and `If-None-Match` (RFC 9110, section 13.1), whose tags are versions of an override.
/// A value.
struct Preconditions: Equatable {
    /// What one of the fields says.
    enum Tags: Equatable {
        /// `*`: whatever there is.
        case any
        /// Some of which are no versions of anything here.
        case list([Tag])
    }

    /// An entity tag.
    struct Tag: Equatable {
        /// The version that it names; nil for one that nothing here ever had.
        let version: UInt64?
        let isWeak: Bool
    }

    let ifMatch: Tags?
    let ifNoneMatch: Tags?

    /// - Returns: nil where a field does not have its form.
    init?(ifMatch: [String], ifNoneMatch: [String]) {
        guard let match = Self.tags(ifMatch), let noneMatch = Self.tags(ifNoneMatch) else { return nil }
        self.ifMatch = match
        self.ifNoneMatch = noneMatch
    }

    /// The tag of a version.
    static func tag(_ version: UInt64) -> String { "\"\(version)\"" }

    /// Whether a change depends on nothing.
    var isEmpty: Bool { ifMatch == nil && ifNoneMatch == nil }

    /// The version that must be there, where there can be only one; 0: nothing may be there.
    var version: UInt64? {
        switch (ifMatch, ifNoneMatch) {
        case (.list(let tags)?, nil) where tags.count == 1 && !tags[0].isWeak: tags[0].version
        case (nil, .any?): 0
        default: nil
        }
    }

    /// Whether a change may be made where this version is there; 0: nothing is.
    func allow(_ version: UInt64) -> Bool {
        let matches =
            switch ifMatch {
            case nil: true
            case .any?: version > 0
            case .list(let tags)?: tags.contains { $0.version == version && !$0.isWeak }
            }
        let differs =
            switch ifNoneMatch {
            case nil: true
            case .any?: version == 0
            case .list(let tags)?: !tags.contains { $0.version == version }
            }
        return matches && differs
    }

    // MARK: - Reading

    /// The tags of a field, nil within where it is not there; nil where it does not have its form.
    private static func tags(_ values: [String]) -> Tags?? {
        guard !values.isEmpty else { return .some(nil) }
        let text = values.joined(separator: ",")
        if text.allSatisfy({ $0 == "*" || $0 == " " }), text.contains("*") {
            return text.count { $0 == "*" } == 1 ? .some(.any) : nil
        }
        var tags: [Tag] = []
        var rest = Array(text.utf8)[...]
        func skip(_ bytes: String) { rest = rest.drop { bytes.utf8.contains($0) } }
        skip(" \t,")
        while !rest.isEmpty {
            let isWeak = rest.starts(with: "W/".utf8)
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            let opaque = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }
            guard opaque.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), opaque.endIndex < rest.endIndex else { return nil }
            tags.append(Tag(version: version(opaque), isWeak: isWeak))
            rest = rest[rest.index(after: opaque.endIndex)...]
            skip(" \t")
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
            skip(" \t,")
        }
        return tags.isEmpty ? nil : .some(.list(tags))
    }

    /// As ``tag(_:)`` writes it, and in no other way.
    private static func version(_ opaque: ArraySlice<UInt8>) -> UInt64? {
        guard let version = UInt64(String(decoding: opaque, as: UTF8.self)), version > 0,
            "\(version)".utf8.elementsEqual(opaque)
        else { return nil }
        return version
    }
}
