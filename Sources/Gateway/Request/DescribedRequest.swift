import Settings

/// The request that another proxy asks about, put together from what it says of it (DESIGN section 5, "Check").
///
/// Only a trusted peer is believed, and only the headers of its family: nginx names method and target in
/// `X-Original-Method` and `X-Original-URI`; Caddy, Traefik and HAProxy in `X-Forwarded-Method`, `-Uri` and `-Host`; Envoy
/// asks with the request's own method, host and target, the last behind a prefix. The host that nginx and Envoy mean is
/// the `Host` field.
enum DescribedRequest {
    /// What a proxy that is set up wrongly leaves out or says twice.
    struct Problem: Error, Equatable {
        let header: String
        let isMissing: Bool

        /// One sentence for the log and the refusal.
        var text: String {
            isMissing
                ? "The proxy that asks does not say \(header): set this header for the check."
                : "The proxy that asks says \(header) more than once: set this header instead of adding it."
        }
    }

    private struct Header {
        let name: StaticString
        let text: String
    }

    private static let originalMethod = Header(name: "x-original-method", text: "X-Original-Method")
    private static let originalURI = Header(name: "x-original-uri", text: "X-Original-URI")
    private static let forwardedMethod = Header(name: "x-forwarded-method", text: "X-Forwarded-Method")
    private static let forwardedURI = Header(name: "x-forwarded-uri", text: "X-Forwarded-Uri")
    private static let forwardedHost = Header(name: "x-forwarded-host", text: "X-Forwarded-Host")

    /// Makes of the proxy's own request the one that it describes: its method, target and host, with every other field as
    /// the proxy passed it on.
    static func describe(_ head: inout RequestHead, family: CheckFamily) throws(Problem) {
        switch family {
        case .envoy:
            var target = head.target
            target.start += Int32(CheckEndpoint.checkPath.utf8.count)
            head.describe(method: head.method, target: target, host: nil)
        case .nginx:
            head.describe(
                method: try only(head, originalMethod),
                target: try only(head, originalURI),
                host: nil
            )
        case .caddy, .traefik, .haproxy:
            head.describe(
                method: try only(head, forwardedMethod),
                target: try only(head, forwardedURI),
                host: head.first(forwardedHost.name) == nil ? nil : try only(head, forwardedHost)
            )
        }
    }

    private static func only(_ head: RequestHead, _ header: Header) throws(Problem) -> RequestHead.Slice {
        let values = head.all(header.name)
        guard let value = values.first, value.count > 0 else { throw Problem(header: header.text, isMissing: true) }
        guard values.count == 1 else { throw Problem(header: header.text, isMissing: false) }
        return value
    }
}
