/// What the page must know of the navigation that it answers.
struct PageRequest: Sendable, Equatable {
    /// The navigation's method.
    var method: String
    /// Its `Accept-Language`, as it came; empty where there is none.
    var acceptLanguage = ""
    /// Its path and query as the browser knows them, beginning with one slash: where the browser goes once it has a pass.
    var returnPath = "/"
    /// What it sent.
    var form = FormReplay.none
}

/// What becomes of a form that met a challenge.
enum FormReplay: Sendable, Equatable {
    /// There is none: the navigation had no body.
    case none
    /// It was posted by a page of this origin, and the page posts it again once the challenge is solved: names and
    /// values, decoded, in their order; at most 64 KiB encoded.
    case replay(fields: [Field])
    /// It cannot be sent again, and the page says why.
    case lost(Reason)

    struct Field: Sendable, Equatable {
        var name: String
        var value: String
    }

    enum Reason: Sendable, Equatable, CaseIterable {
        /// It was posted by a page of another origin, or nothing says by which.
        case otherOrigin
        /// It is larger than 64 KiB.
        case tooLarge
        /// It is not `application/x-www-form-urlencoded` in UTF-8, as a form with files.
        case otherType
        /// The proxy that asks does not hand on what was sent.
        case notSeen
    }
}
