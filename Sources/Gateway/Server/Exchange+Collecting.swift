import NIOCore
import NIOHTTP1

/// Bodies that the gateway reads itself: solutions, and forms that met a challenge.
extension Exchange {
    /// Reads the request's body, bounded, and goes on with it in ``collected(_:_:)``.
    func collect(_ collection: Collection) {
        phase = .collecting(ByteBuffer(), collection)
        if let expect = head.first("expect"), head.string(expect).lowercased() == "100-continue", knowsInterim {
            front.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
            front.flush()
            continueSent = true
        }
        let held = heldBody
        heldBody = []
        for part in held { takeBody(part) }
        guard case .collecting(let body, _) = phase else { return }
        if requestEnded {
            collected(body, collection)
        } else {
            front.resumeReading()
            // From now on it is the client that is waited for.
            front.progressed()
        }
    }

    /// The body is complete.
    func collected(_ body: ByteBuffer, _ collection: Collection) {
        phase = .waiting
        switch collection {
        case .redemption:
            redeem(body: body)
        case .form(let refusal):
            // A proxy that asks may have kept the body to itself: then nobody knows what the form held.
            guard purpose == .proxy || body.readableBytes > 0 else { return replyPage(refusal, form: .lost(.notSeen)) }
            guard let fields = PostedForm.fields(Array(body.readableBytesView)) else {
                return replyPage(refusal, form: .lost(.otherType))
            }
            replyPage(refusal, form: PostedForm.fitsPage(fields) ? .replay(fields: fields) : .lost(.tooLarge))
        }
    }

    /// The body is larger than what is read of it.
    func tooLarge(for collection: Collection) {
        switch collection {
        case .redemption:
            reply(Refusal(.tooLarge, "The body is larger than \(collection.bytesMax) bytes."))
        case .form(let refusal):
            phase = .waiting
            replyPage(refusal, form: .lost(.tooLarge))
        }
    }

    private var knowsInterim: Bool {
        if case .request(let requestHead) = origin { requestHead.version.minor >= 1 } else { false }
    }

    /// Length of the request's body as its header announces it; nil where only its end will tell.
    var announcedBodyBytes: Int? {
        guard case .request(let requestHead) = origin, !requestHead.headers.contains(name: "transfer-encoding") else {
            return nil
        }
        return requestHead.headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
    }
}
