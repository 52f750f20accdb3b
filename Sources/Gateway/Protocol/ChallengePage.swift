import CPage
import Settings

/// The page that a browser sees instead of a bare refusal, made from the files that are embedded in the program.
///
/// An immutable value; any thread.
struct ChallengePage: Sendable {
    struct File: Sendable {
        let contentType: String
        let bytes: [UInt8]
    }

    private static let templateName = "page.html"
    private static let wordsFolder = "words/"
    private static let logoFolder = "logo/"

    // MARK: What browsers are allowed

    /// Scripts, styles and workers from here only, no frames of others around it, nothing from anywhere else.
    ///
    /// - Parameter replays: whether the page sends a form again. Browsers apply `form-action` also to where the site's
    ///   answer to that form leads, which may be another origin: such a page says nothing about it.
    static func contentSecurityPolicy(replays: Bool) -> String {
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
            + "worker-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'"
            + (replays ? "" : "; form-action 'self'")
    }

    /// For the operator's picture: an SVG that somebody opens by itself runs nothing and loads nothing.
    static let logoContentSecurityPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

    // MARK: Files

    private struct Embedded: Sendable {
        var files: [String: File] = [:]
        var templates: [PageLanguage: PageTemplate] = [:]
        var words: [PageLanguage: PageWords] = [:]
        /// Tells apart what different versions of the program serve.
        var version = ""
    }

    private static let embedded: Embedded = {
        var count = 0
        guard let first = tollgate_page_files(&count) else { preconditionFailure("the page's files are not embedded") }
        var embedded = Embedded()
        var version: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for file in UnsafeBufferPointer(start: first, count: count) {
            let bytes = Array(UnsafeBufferPointer(start: file.bytes, count: file.length))
            embedded.files[String(cString: file.name)] = File(
                contentType: String(cString: file.content_type),
                bytes: bytes
            )
            for byte in bytes { version = (version ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        embedded.version = String(version, radix: 16)
        guard let template = embedded.files.removeValue(forKey: templateName) else {
            preconditionFailure("the page's template is not embedded")
        }
        for language in PageLanguage.allCases {
            guard let file = embedded.files.removeValue(forKey: "\(wordsFolder)\(language.rawValue).json"),
                let words = PageWords(language, json: file.bytes),
                let template = try? PageTemplate(String(decoding: template.bytes, as: UTF8.self), words: words)
            else { preconditionFailure("the page does not speak \(language)") }
            embedded.words[language] = words
            embedded.templates[language] = template
        }
        return embedded
    }()

    /// Folder of the page's files, as this version of the page names them.
    static var filesPath: String { Endpoint.base + "page/" + embedded.version + "/" }

    /// A file of the page, served as it is.
    ///
    /// - Parameter name: its name, with or without a version before it.
    /// - Returns: the file, and whether it may be kept: what is named with this version never changes. During an update,
    ///   nodes are asked for files of each other's versions and serve their own.
    func file(_ name: String) -> (file: File, mayBeKept: Bool)? {
        if let file = Self.embedded.files[name] { return (file, false) }
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 16,
            parts[0].utf8.allSatisfy({ ASCII.hexValue($0) != nil }), let file = Self.embedded.files[String(parts[1])]
        else { return nil }
        return (file, parts[0] == Self.embedded.version)
    }

    /// The policy whose picture a file's name asks for.
    static func policyOfLogo(_ name: String) -> String? {
        name.hasPrefix(logoFolder) ? String(name.dropFirst(logoFolder.count)) : nil
    }

    static func words(_ language: PageLanguage) -> PageWords { embedded.words[language]! }

    // MARK: Pages

    /// The page with a challenge.
    func challenge(_ challenge: IssuedChallenge, policy: PolicySettings, requestID: String, request: PageRequest)
        -> [UInt8]
    {
        let words = Self.words(PageLanguage.chosen(acceptLanguage: request.acceptLanguage))
        var values = common(words, policy, requestID, request)
        values["title"] = HTMLText.escaped(policy.page.title ?? words["title"])
        values["text"] = HTMLText.escaped(policy.page.text ?? words["text"])
        values["own_title"] = policy.page.title == nil ? "1" : ""
        values["own_text"] = policy.page.text == nil ? "1" : ""
        values["state"] = "starting"
        values["challenge"] = HTMLText.inScript(challenge.json)
        values["script_words"] = HTMLText.inScript(words.scriptJSON)
        values["challenge_text"] = HTMLText.escaped(challenge.json)
        values["token"] = HTMLText.escaped(challenge.token)
        values["rounds"] = String(challenge.rounds)
        values["expires"] = HTMLText.escaped(words.duration(UInt64(challenge.expiresInSeconds)))
        values["fetch"] = "<code dir=\"ltr\" translate=\"no\">tollgate fetch URL</code>"
        values["answer_path"] = HTMLText.escaped(ReturnPath.safe(request.returnPath))
        switch request.form {
        case .none:
            values["form"] = "none"
        case .replay(let fields):
            values["form"] = "replay"
            values["replay"] = "1"
            values["fields"] = HTMLText.inputs(fields)
            // It opens beside this page; what was asked for may be there for forms only.
            values["answer_path"] = "/"
        case .lost(let reason):
            values["form"] = "lost"
            values["lost"] = HTMLText.escaped(words[Self.name(of: reason)])
        }
        return render(values, words.language)
    }

    /// A page that only says something: any other refusal, to somebody who navigates.
    ///
    /// - Parameter policy: whose picture and contact it shows.
    func message(_ refusal: Refusal, policy: PolicySettings? = nil, requestID: String, request: PageRequest) -> [UInt8]
    {
        let words = Self.words(PageLanguage.chosen(acceptLanguage: request.acceptLanguage))
        var values = common(words, policy, requestID, request)
        values["title"] = HTMLText.escaped(words.title(of: refusal.kind))
        values["text"] = HTMLText.escaped(words.text(of: refusal.kind))
        values["state"] = "message"
        values["status"] = String(refusal.status)
        if let seconds = refusal.retryAfterSeconds {
            values["retry_after"] = HTMLText.escaped(words.duration(seconds))
        }
        if !refusal.kind.detailSaysNoMore { values["technical"] = HTMLText.escaped(refusal.detail) }
        if refusal.kind.mayPass(method: request.method) { values["retry"] = "1" }
        return render(values, words.language)
    }

    private func common(_ words: PageWords, _ policy: PolicySettings?, _ requestID: String, _ request: PageRequest)
        -> [String: String]
    {
        [
            "lang": words.language.tag,
            "dir": words.language.direction,
            "contact": HTMLText.escaped(policy?.page.contact ?? ""),
            "logo": policy?.page.logo == nil
                ? "" : HTMLText.escaped("\(Endpoint.base)page/\(Self.logoFolder)\(policy!.name)"),
            "request_id": HTMLText.escaped(requestID),
            "policy": HTMLText.escaped(policy?.name ?? ""),
            "base": Endpoint.base,
            "files": Self.filesPath,
            // A form is sent to the very address that it was sent to before, however long.
            "return_path": HTMLText.escaped(ReturnPath.safe(request.returnPath, bytesMax: nil)),
        ]
    }

    private func render(_ values: [String: String], _ language: PageLanguage) -> [UInt8] {
        Self.embedded.templates[language]!.render(values)
    }

    private static func name(of reason: FormReplay.Reason) -> String {
        switch reason {
        case .otherOrigin: "lost_other_origin"
        case .tooLarge: "lost_too_large"
        case .otherType: "lost_other_type"
        case .notSeen: "lost_not_seen"
        }
    }
}

extension RefusalKind {
    /// Whether the kind by itself says all that a visitor can use of the detail.
    fileprivate var detailSaysNoMore: Bool {
        switch self {
        case .workRequired, .overLimit, .otherClient, .expired, .alreadySpent, .noQuorum, .denied: true
        default: false
        }
    }

    /// Whether asking again for the same address, by GET, may be answered otherwise.
    fileprivate func mayPass(method: String) -> Bool {
        switch self {
        // Of the form for the answer: what follows is a fresh challenge.
        case .wrongSolution, .otherClient, .expired, .alreadySpent: true
        case .overLimit, .noQuorum, .upstreamFailed, .upstreamTimeout, .upstreamUnavailable, .timeout:
            method == "GET" || method == "HEAD"
        default: false
        }
    }
}
