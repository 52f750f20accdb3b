// The route lists that a file can include: what programs must reach that cannot solve a challenge. Each line says why
// it is there; `tollgate.docc/BuiltinRoutes.md` shows the same lines, and a test keeps the two equal.
//
// A pattern's `*` crosses slashes, so a wide pattern would be a way around the free limits. That is why the patterns
// name whole paths, or end in a name that hardly anything else has, and why `excluded` takes out the tricks by which an
// application can be made to answer one path as another. What remains is bounded by the policy's ceiling, always.

/// A list of routes that a file can include by name: `include: "builtin:feeds"`.
public enum BuiltinRoutes: String, Sendable, CaseIterable {
    case wellKnown = "well-known"
    case feeds, git, oci

    /// One line of a list: requests that are let by for one reason.
    struct Line: Equatable {
        /// Patterns of normalized paths.
        var paths: [String]
        /// In one sentence.
        var reason: String

        init(_ paths: [String], _ reason: String) {
            self.paths = paths
            self.reason = reason
        }
    }

    /// Lines that become one route, as they share their methods.
    struct Part: Equatable {
        /// What the route's name ends in. Empty for the first part.
        var suffix: String
        /// Where GET is, HEAD is too.
        var methods: [String]
        var lines: [Line]
    }

    /// What `include:` says.
    var reference: String { "builtin:\(rawValue)" }

    /// The longest suffix of a part.
    static let suffixBytes = 5

    /// The list itself, at least one part.
    var parts: [Part] {
        switch self {
        case .wellKnown: [Part(suffix: "", methods: ["GET", "HEAD"], lines: Self.wellKnownLines)]
        case .feeds: [Part(suffix: "", methods: ["GET", "HEAD"], lines: Self.feedLines)]
        case .git:
            [
                Part(suffix: "", methods: ["GET", "HEAD"], lines: Self.gitReadLines),
                Part(suffix: "-post", methods: ["POST"], lines: Self.gitPostLines),
            ]
        case .oci:
            [
                Part(suffix: "", methods: ["GET", "HEAD"], lines: Self.ociPullLines),
                Part(suffix: "-push", methods: ["POST", "PATCH", "PUT"], lines: Self.ociPushLines),
            ]
        }
    }

    /// Paths that no list lets by.
    static let excludedEverywhere: [Line] = [
        Line(
            ["*.php/*", "*.cgi/*", "*.pl/*", "*.py/*", "*.asp/*", "*.aspx/*", "*.jsp/*"],
            "A script answers whatever follows its name: `/search.php/feed/` is a search."
        ),
        Line(["*;*", "*%3B*"], "Java servers drop what follows a semicolon: `/search;.rss` is a search."),
        Line(
            ["*%23*", "*%25*", "*%3F*"],
            "An application that decodes twice finds the end of the path there: `/search%3Fq=x&.rss` is a search."
        ),
    ]

    /// Paths that this list does not let by besides.
    var excludedHere: [Line] {
        switch self {
        case .wellKnown:
            [
                Line(
                    ["/.well-known/tollgate", "/.well-known/tollgate/*"],
                    "Tollgate's own endpoints have rules of their own."
                ),
                Line(["/sitemap-*/*", "/apple-touch-icon*/*"], "These are files at the root, not folders."),
            ]
        case .feeds: [Line(["*/search*"], "WordPress and others serve a search as a feed, as costly as any search.")]
        case .git, .oci: []
        }
    }

    private static let wellKnownLines = [
        Line(
            ["/robots.txt"],
            "What crawlers may fetch (RFC 9309). Refused, some fetch everything and others nothing."
        ),
        Line(
            ["/.well-known/*"],
            "What programs look up: certificate checks (ACME), security contacts, app links, sign-in and federation (RFC 8615)."
        ),
        Line(
            ["/favicon.ico", "/favicon.svg", "/favicon.png", "/apple-touch-icon*.png"],
            "Icons, which browsers ask for by themselves."
        ),
        Line(
            ["/manifest.json", "/manifest.webmanifest", "/site.webmanifest"],
            "A web application's manifest, which browsers fetch without cookies and so without a pass."
        ),
        Line(
            ["/sitemap.xml", "/sitemap_index.xml", "/sitemap-*.xml"],
            "The list of pages for search engines (sitemaps.org)."
        ),
        Line(
            ["/ads.txt", "/app-ads.txt", "/security.txt", "/humans.txt"],
            "Small texts at the root that programs look for by name."
        ),
    ]

    private static let feedLines = [
        Line(
            [
                "/feed", "/feed/", "/feed.xml", "/feed.json", "/rss", "/rss/", "/rss.xml", "/atom.xml", "/index.xml",
            ],
            "Where most programs put a site's feed."
        ),
        Line(["*/feed/", "*/rss/"], "Feeds of categories, authors and comments in WordPress and Ghost."),
        Line(
            ["*.rss", "*.atom"],
            "Feeds of forges, forums and social networks (Forgejo, GitLab, Discourse, Mastodon)."
        ),
    ]

    private static let gitReadLines = [
        Line(["*/info/refs"], "How each clone, fetch and push begins: the names of branches and tags."),
        Line(["*/info/lfs/objects/*"], "git-lfs fetches a large file."),
    ]

    private static let gitPostLines = [
        Line(["*/git-upload-pack"], "A clone or a fetch: the commits that the client lacks."),
        Line(["*/git-receive-pack"], "A push; the forge asks who it is."),
        Line(["*/info/lfs/objects/batch"], "git-lfs asks where large files are."),
    ]

    private static let ociPullLines = [
        Line(["/v2/"], "Whether this is a registry, and how to sign in."),
        Line(["/v2/*/manifests/*"], "What an image consists of."),
        Line(["/v2/*/blobs/*"], "An image's layers; also the state of an upload."),
        Line(["/v2/*/tags/list"], "Which versions there are."),
        Line(["/v2/*/referrers/*"], "Signatures and other things attached to an image."),
    ]

    private static let ociPushLines = [
        Line(["/v2/*/blobs/uploads/*"], "A push sends layers; the registry asks who it is."),
        Line(["/v2/*/manifests/*"], "A push ends with the image's manifest."),
    ]
}

extension BuiltinRoutes {
    /// What becomes a route: a name and what it matches.
    ///
    /// - Parameter name: of the first part.
    func matches(named name: String) -> [(name: String, match: RouteMatch)] {
        var exclusion = RouteMatch()
        exclusion.path = (excludedHere + Self.excludedEverywhere).flatMap(\.paths).map { Glob($0) }
        return parts.map { part in
            var match = RouteMatch()
            match.path = part.lines.flatMap(\.paths).map { Glob($0) }
            match.methods = part.methods
            match.not = [exclusion]
            return (name + part.suffix, match)
        }
    }
}
