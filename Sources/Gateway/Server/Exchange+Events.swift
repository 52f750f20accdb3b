import NIOCore
import NIOHTTP1

/// What the connection tells its exchange.
extension Exchange {
    /// Largest body that our own endpoints take, in bytes (DESIGN section 5).
    static let endpointBodyBytesMax = 8 * 1_024

    /// How long a decision may take, in nanoseconds. A ledger answers, or says that it cannot, long before.
    static let decisionPatienceNanoseconds: Int64 = 10_000_000_000

    /// Whether request bytes may be read now.
    var mayReadFromClient: Bool {
        switch phase {
        case .waiting, .connecting: false
        case .collecting, .finished: true
        case .forwarding(let upstream): upstream.isWritable
        }
    }

    func requestBody(_ bytes: ByteBuffer) {
        requestBytes += UInt64(bytes.readableBytes)
        if let limit = state.configuration.limits.bodyBytes, requestBytes > limit, !isFinished {
            refuseInTheMiddle(Refusal(.tooLarge, "The request's body is larger than \(limit) bytes."))
            return
        }
        takeBody(bytes)
    }

    /// Does with bytes of the body, which have been counted, what is to be done with them now.
    func takeBody(_ bytes: ByteBuffer) {
        switch phase {
        case .waiting, .connecting:
            // Reading stands still, but what one read brought may hold several parts: no more than that waits here.
            heldBody.append(bytes)
        case .collecting(var body, let collection):
            guard body.readableBytes + bytes.readableBytes <= collection.bytesMax else {
                keepAlive = false
                tooLarge(for: collection)
                return
            }
            // There must be one owner while it grows, or every small part would copy the whole.
            phase = .waiting
            var bytes = bytes
            body.writeBuffer(&bytes)
            phase = .collecting(body, collection)
        case .forwarding(let upstream):
            upstream.sendBody(bytes)
        case .finished:
            break
        }
    }

    func requestEnd() {
        requestEnded = true
        switch phase {
        case .collecting(let body, let collection): collected(body, collection)
        case .forwarding(let upstream): upstream.sendEnd()
        case .waiting, .connecting, .finished: break
        }
    }

    func requestReadComplete() {
        if case .forwarding(let upstream) = phase { upstream.flush() }
    }

    /// The request's body broke HTTP.
    func requestBroken(_ error: HTTPParserError) {
        requestEnded = true
        keepAlive = false
        refuseInTheMiddle(Self.refusal(of: error))
    }

    func clientGone() {
        if case .forwarding(let upstream) = phase { upstream.abort() }
        phase = .finished
        observeEnd(isWritten: false)
    }

    func clientWritabilityChanged(isWritable: Bool) {
        if isWritable, case .forwarding(let upstream) = phase { upstream.resumeReading() }
    }

    // MARK: Patience

    /// How long the exchange may stand still as it does now.
    var patienceNanoseconds: Int64 {
        let limits = state.configuration.limits
        switch phase {
        case .waiting:
            return Self.decisionPatienceNanoseconds
        case .connecting(let pool):
            // Behind the deadlines of the connects themselves: one for each server, and one in the queue.
            return pool.settings.connectTimeoutNanoseconds * Int64(pool.settings.servers.count + 2)
        case .collecting:
            return limits.bodyIdleTimeoutNanoseconds
        case .finished:
            return limits.writeIdleTimeoutNanoseconds
        case .forwarding(let upstream):
            if !front.isWritable { return limits.writeIdleTimeoutNanoseconds }
            if !requestEnded, upstream.isWritable, !responseHeadSeen { return limits.bodyIdleTimeoutNanoseconds }
            let settings = upstream.pool.settings
            return responseHeadSeen ? settings.idleTimeoutNanoseconds : settings.responseTimeoutNanoseconds
        }
    }

    /// Nothing has moved for that long: whoever stands in the way is at fault.
    func timedOut() {
        switch phase {
        case .waiting:
            reply(Refusal(.noQuorum, "The gateway could not decide in time.", retryAfterSeconds: 1))
        case .connecting:
            reply(Self.refusal(of: .connectTimeout))
        case .collecting:
            keepAlive = false
            reply(Refusal(.timeout, "The request's body did not arrive in time."))
        case .forwarding(let upstream):
            upstream.abort()
            if responseBegun || !front.isWritable {
                phase = .finished
                front.abort()
            } else if !requestEnded, upstream.isWritable {
                keepAlive = false
                reply(Refusal(.timeout, "The request's body did not arrive in time."))
            } else {
                reply(Refusal(.upstreamTimeout, "The upstream did not answer in time."))
            }
        case .finished:
            front.abort()
        }
    }

    /// Refuses a request whose body is at fault while it may already be on its way to the upstream.
    private func refuseInTheMiddle(_ refusal: Refusal) {
        keepAlive = false
        if case .forwarding(let upstream) = phase { upstream.abort() }
        if responseBegun {
            phase = .finished
            front.abort()
        } else {
            reply(refusal)
        }
    }
}
