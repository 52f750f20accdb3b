/// What the head says of a browser that sends it.
extension RequestHead {
    /// Whether a browser asks here what a script of another origin may send: such a request has no credentials and no
    /// solution, and nobody could answer a challenge for it.
    var isPreflight: Bool {
        equals(method, "OPTIONS") && first("origin") != nil && first("access-control-request-method") != nil
    }

    /// Whether a browser navigates: it then sees a page instead of a problem document.
    var isNavigation: Bool {
        if let destination = first("sec-fetch-dest") {
            guard equals(destination, "document") || isOwnFrame(destination) else { return false }
            for name: StaticString in ["sec-purpose", "purpose"] {
                if let purpose = first(name), string(purpose).contains("prefetch") { return false }
            }
            return true
        }
        if first("sec-fetch-mode") != nil || first("sec-fetch-site") != nil { return false }
        return all("accept").contains { string($0).lowercased().contains("text/html") }
    }

    /// A frame that a page of the same origin holds; in those of others the page does not show.
    private func isOwnFrame(_ destination: RequestHead.Slice) -> Bool {
        guard equals(destination, "iframe") || equals(destination, "frame"),
            let site = first("sec-fetch-site")
        else { return false }
        return equals(site, "same-origin")
    }
}
