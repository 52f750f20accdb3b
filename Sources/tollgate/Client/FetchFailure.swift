import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why a request has no answer; one sentence for a person.
enum FetchFailure: Error, CustomStringConvertible {
    case cannotConnect(String, String)
    case tlsFailed(String, String)
    case noResponse
    case cutShort
    case notHTTP
    case headTooLarge
    case tooManyInterimResponses(Int)
    case switchedProtocols
    case refusalTooLarge(Int)
    case silent(seconds: Int)
    case broken(String)
    case outputClosed

    var description: String {
        switch self {
        case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
        case .tlsFailed(let address, let reason): "no TLS connection to \(address): \(reason)"
        case .noResponse: "the server closed the connection without an answer"
        case .cutShort: "the answer was cut short"
        case .notHTTP: "the server's answer is not HTTP/1.1"
        case .headTooLarge: "the server's answer has too large a head"
        case .tooManyInterimResponses(let max): "the server sent more than \(max) interim responses and no answer"
        case .switchedProtocols: "the server switched to another protocol, which nobody asked for"
        case .refusalTooLarge(let max): "the server's refusal is larger than \(max / 1_024) KiB"
        case .silent(let seconds): "the server neither sent nor took anything for \(seconds) s (see --timeout)"
        case .broken(let reason): "the connection broke: \(reason)"
        case .outputClosed: "standard output was closed"
        }
    }

    /// What an error of a library comes to.
    ///
    /// - Parameter hasHead: whether the answer had begun.
    init(_ error: any Error, url: HTTPURL, hasHead: Bool) {
        switch error {
        case let failure as FetchFailure: self = failure
        case HTTPParserError.invalidEOFState, ChannelError.eof, ChannelError.inputClosed:
            self = hasHead ? .cutShort : .noResponse
        case HTTPParserError.headerOverflow: self = .headTooLarge
        case is HTTPParserError, is NIOHTTPDecoderError: self = .notHTTP
        case NIOSSLError.uncleanShutdown: self = hasHead ? .cutShort : .noResponse
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self = .tlsFailed(url.authority, Self.tlsReason("\(error)"))
        default: self = .broken(Self.text(error))
        }
    }

    /// Why there is no connection.
    static func connecting(_ error: any Error, url: HTTPURL) -> FetchFailure {
        guard let error = error as? NIOConnectionError else { return .cannotConnect(url.authority, text(error)) }
        if let first = error.connectionErrors.first { return .cannotConnect(url.authority, text(first.error)) }
        if error.dnsAError != nil || error.dnsAAAAError != nil {
            return .cannotConnect(url.authority, "no host of this name is known")
        }
        return .cannotConnect(url.authority, "no address answers")
    }

    /// The library tells its errors apart only by their text.
    private static func tlsReason(_ text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("failedToValidateHostname") {
            return "its certificate is not trusted, not valid now, or for another name"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") { return "it does not speak TLS" }
        let marker = "OPENSSL_internal:"
        guard let reason = text.split(separator: marker, maxSplits: 1).dropFirst().first else {
            return "the handshake failed"
        }
        return "the handshake failed: \(reason.prefix { $0.isLetter || $0.isNumber || $0 == "_" })"
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout(let time): "no answer within \(time.nanoseconds / 1_000_000_000) s"
        case is ChannelError: "it was closed"
        default: "\(error)"
        }
    }
}
