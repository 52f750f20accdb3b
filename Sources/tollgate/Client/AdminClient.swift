import NIOCore
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Asks a node's admin interface.
struct AdminClient {
    /// Why there is no answer; one sentence for a person, with what to do.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let target: AdminTarget

    /// The body of a resource; nil where there is no such resource.
    func get(_ path: String) async throws(Failure) -> [UInt8]? {
        let response: HTTPRequester.Response
        do {
            response = try await requester(path).send(adding: []) { _ in
                .collect
            } pass: { _ in
                true
            }
        } catch {
            throw unreachable(error)
        }
        switch response.head.status {
        case .ok: return response.collected
        case .notFound: return nil
        case .unauthorized:
            let shown = target.token == nil ? "it needs a token" : "the token is wrong"
            throw Failure(
                description: "the admin interface at \(target.address) refuses: \(shown); "
                    + "set \(AdminTarget.tokenVariable) to what the file holds that `admin.token` names"
            )
        default:
            throw Failure(
                description: "the admin interface at \(target.address) answered \(response.head.status.code)"
            )
        }
    }

    private func requester(_ path: String) throws(Failure) -> HTTPRequester {
        let socketPath: String?
        let authority: String
        switch target.address {
        case .unix(let path): (socketPath, authority) = (path, "localhost")
        case .tcp(let url): (socketPath, authority) = (nil, url.authority)
        }
        guard let url = HTTPURL("http://\(authority)\(path)") else {
            throw Failure(description: "'\(path)' cannot be asked for")
        }
        var headers = HTTPHeaders()
        if let token = target.token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        return HTTPRequester(
            url: url,
            socketPath: socketPath,
            method: .GET,
            headers: headers,
            body: nil,
            timeout: .seconds(10)
        )
    }

    private func unreachable(_ error: any Error) -> Failure {
        let reason =
            if case .cannotConnect(_, let reason) = error as? FetchFailure { reason } else { "\(error)" }
        var remedy =
            "is the node running, and does its configuration have `admin`? "
            + "Name its address by --admin or \(AdminTarget.addressVariable)"
        if case .unix(let path) = target.address {
            if access(path, F_OK) != 0, errno == ENOENT {
                return Failure(description: "there is no socket at \(target.address); \(remedy)")
            }
            if access(path, W_OK) != 0, errno == EACCES {
                remedy = "run this as the user who runs the node, or as root"
                return Failure(description: "not permitted to connect to \(target.address); \(remedy)")
            }
        }
        return Failure(description: "cannot ask the admin interface at \(target.address): \(reason); \(remedy)")
    }
}
