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

    /// An answer that is not a refusal to talk at all.
    struct Answer {
        let status: HTTPResponseStatus
        let body: [UInt8]
    }

    /// The body of a resource; nil where there is no such resource.
    func get(_ path: String) async throws(Failure) -> [UInt8]? {
        let answer = try await send(.GET, path)
        switch answer.status {
        case .ok: return answer.body
        case .notFound: return nil
        default: throw Failure(description: "the admin interface at \(target.address) answered \(answer.status.code)")
        }
    }

    /// Asks for something.
    ///
    /// - Parameters:
    ///   - body: a JSON document; nil for none.
    ///   - fields: further header fields.
    ///   - pass: takes the body of a success piece by piece, and says whether to go on; nil collects it.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        body: String? = nil,
        fields: [(String, String)] = [],
        pass: (([UInt8]) -> Bool)? = nil
    ) async throws(Failure) -> Answer {
        let response: HTTPRequester.Response
        do {
            response = try await requester(method, path, body: body).send(adding: fields) { head in
                pass != nil && head.status == .ok ? .passOn : .collect
            } pass: {
                pass?($0) ?? true
            }
        } catch {
            throw unreachable(error)
        }
        guard response.head.status == .unauthorized else {
            return Answer(status: response.head.status, body: response.collected)
        }
        let shown = target.token == nil ? "it needs a token" : "the token is wrong"
        throw Failure(
            description: "the admin interface at \(target.address) refuses: \(shown); "
                + "set \(AdminTarget.tokenVariable) to what the file holds that `admin.token` names"
        )
    }

    private func requester(_ method: HTTPMethod, _ path: String, body: String?) throws(Failure) -> HTTPRequester {
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
        if body != nil { headers.add(name: "Content-Type", value: "application/json") }
        return HTTPRequester(
            url: url,
            socketPath: socketPath,
            method: method,
            headers: headers,
            body: body.map { Array($0.utf8) } ?? (method == .POST ? [] : nil),
            timeout: .seconds(15)
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
