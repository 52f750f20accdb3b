import CPage
import Settings

/// The page that a browser sees instead of a bare refusal, made from the template that is embedded in the program.
///
/// An immutable value; any thread.
struct ChallengePage: Sendable {
    struct File: Sendable {
        let contentType: String
        let bytes: [UInt8]
    }

    /// Scripts, styles and workers from here only, no frames around it, nothing from anywhere else.
    static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
        + "worker-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static let templateName = "page.html"

    /// Text of the template between its placeholders.
    private enum Piece: Sendable {
        case text([UInt8])
        case placeholder(String)
    }

    private static let embedded: (files: [String: File], template: [Piece]) = {
        var count = 0
        guard let first = tollgate_page_files(&count) else { preconditionFailure("the page's files are not embedded") }
        var files: [String: File] = [:]
        var template: [Piece] = []
        for file in UnsafeBufferPointer(start: first, count: count) {
            let name = String(cString: file.name)
            let bytes = Array(UnsafeBufferPointer(start: file.bytes, count: file.length))
            if name == templateName {
                template = parse(bytes)
            } else {
                files[name] = File(contentType: String(cString: file.content_type), bytes: bytes)
            }
        }
        return (files, template)
    }()

    /// A file of the page, served as it is.
    func file(_ name: String) -> File? { Self.embedded.files[name] }

    func challenge(_ challenge: IssuedChallenge, policy: PolicySettings, requestID: String, request: PageRequest)
        -> [UInt8]
    {
        let title = policy.page.title ?? "One moment, please"
        let text =
            policy.page.text
            ?? "This site asks your browser for a short computation before it goes on. There is nothing for you to do."
        return render([
            "title": Self.escaped(title),
            "text": Self.escaped(text),
            "contact": Self.escaped(policy.page.contact ?? ""),
            "request_id": Self.escaped(requestID),
            "policy": Self.escaped(policy.name),
            "base": Endpoint.base,
            "method": Self.escaped(request.method),
            "challenge": Self.inScript(challenge.json),
        ])
    }

    /// A page that only says something: any other refusal, to somebody who navigates.
    func message(_ refusal: Refusal, requestID: String, request: PageRequest) -> [UInt8] {
        var detail = refusal.detail
        if let seconds = refusal.retryAfterSeconds { detail += " Try again in \(Self.duration(seconds))." }
        let html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="robots" content="noindex">
            <title>\(Self.escaped(refusal.kind.title))</title>
            <link rel="stylesheet" href="\(Endpoint.base)page/page.css">
            </head>
            <body data-state="message">
            <main>
            <h1>\(Self.escaped(refusal.kind.title))</h1>
            <p>\(Self.escaped(detail))</p>
            <footer><p>\(refusal.status) · Request <code>\(Self.escaped(requestID))</code></p></footer>
            </main>
            </body>
            </html>

            """
        return Array(html.utf8)
    }

    private func render(_ values: [String: String]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(8_192)
        for piece in Self.embedded.template {
            switch piece {
            case .text(let bytes): output.append(contentsOf: bytes)
            case .placeholder(let name): output.append(contentsOf: (values[name] ?? "").utf8)
            }
        }
        return output
    }

    private static func parse(_ template: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var rest = String(decoding: template, as: UTF8.self)[...]
        while let (before, name, after) = nextPlaceholder(rest) {
            pieces.append(.text(Array(before.utf8)))
            pieces.append(.placeholder(String(name)))
            rest = after
        }
        pieces.append(.text(Array(rest.utf8)))
        return pieces
    }

    private static func nextPlaceholder(_ text: Substring) -> (Substring, Substring, Substring)? {
        var index = text.startIndex
        while let open = text[index...].firstIndex(of: "{") {
            let rest = text[open...]
            if rest.hasPrefix("{{"), let close = rest.firstIndex(of: "}") {
                let name = rest[text.index(open, offsetBy: 2)..<close]
                let after = text[close...]
                if after.hasPrefix("}}"), name.utf8.allSatisfy({ $0 == 0x5F || ($0 >= 0x61 && $0 <= 0x7A) }) {
                    return (text[..<open], name, after.dropFirst(2))
                }
            }
            index = text.index(after: open)
        }
        return nil
    }

    static func escaped(_ text: String) -> String {
        var output = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(character)
            }
        }
        return output
    }

    /// JSON as the content of a script element: nothing in it can end the element.
    private static func inScript(_ json: String) -> String {
        json.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar == "<" { text += "\\u003c" } else { text.unicodeScalars.append(scalar) }
        }
    }

    private static func duration(_ seconds: UInt64) -> String {
        switch seconds {
        case 1: "1 second"
        case ..<120: "\(seconds) seconds"
        case ..<7_200: "\((seconds - 1) / 60 + 1) minutes"
        default: "\((seconds - 1) / 3_600 + 1) hours"
        }
    }
}
