/// The gateway's own endpoints, on every listener (DESIGN section 5). Those of check listeners, `check` and `refusal`, are
/// ``CheckEndpoint``.
enum Endpoint: Equatable, Sendable {
    case challenge
    case redeem
    /// A file of the challenge page.
    case page(String)
    case unknown

    static let base = "/.well-known/tollgate/"

    /// The endpoint that a path names, or nil where the path is the upstream's.
    init?(path: [UInt8]) {
        let base = Self.base.utf8
        let isBase = path.count == base.count - 1 && base.starts(with: path)
        guard isBase || path.starts(with: base) else { return nil }
        let name = String(decoding: path.dropFirst(base.count), as: UTF8.self)
        switch name {
        case "challenge": self = .challenge
        case "redeem": self = .redeem
        case _ where name.hasPrefix("page/"): self = .page(String(name.dropFirst("page/".count)))
        default: self = .unknown
        }
    }

    var path: String {
        switch self {
        case .challenge: Self.base + "challenge"
        case .redeem: Self.base + "redeem"
        case .page(let name): Self.base + "page/" + name
        case .unknown: Self.base
        }
    }
}
