/// What this node says of itself, and shows for it.
extension PeerTransport {
    /// What connections are made with now; nil for plain TCP.
    public var certificates: TransportTLS? {
        eventLoop.preconditionInEventLoop()
        return tls
    }

    /// Takes what this node says of itself from now on. Connections on which it has said something else are closed; its own
    /// are made anew at once, and peers dial again. Where only the index of ``NodeIdentity/membership`` differs they go on,
    /// and those that are made later say it.
    public func update(identity: NodeIdentity) {
        eventLoop.preconditionInEventLoop()
        precondition(Hello.isName(identity.name), "a node's name is 1 to 255 bytes without control characters")
        guard !isOver, identity != self.identity else { return }
        let isTheSame = identity.saysTheSame(as: self.identity)
        self.identity = identity
        guard !isTheSame else { return }
        renew("this node's identity has changed", "\(identity.name) has another identity now: dial again", .both)
    }

    /// Takes other certificates. Where they differ, this node dials its peers anew, so that they see them; where the
    /// authorities differ, peers must dial anew too, so that none goes on that they would not let in.
    /// - Precondition: the transport was made with TLS.
    public func update(tls: TransportTLS) {
        eventLoop.preconditionInEventLoop()
        guard let former = self.tls else { preconditionFailure("a transport without TLS does not change to it") }
        guard !isOver, !tls.isSame(as: former) else { return }
        self.tls = tls
        renew(
            "this node's certificates have changed",
            "\(identity.name) has other certificates now: dial again",
            tls.hasSameAuthorities(as: former) ? .dialled : .both
        )
    }

    private enum Renewed { case dialled, both }

    private func renew(_ reason: String, _ farewell: String, _ which: Renewed) {
        let farewell = Refusal(.outdated, farewell)
        ownerCall {
            for link in Array(links.values) { link.renew(reason, farewell: farewell) }
            guard which == .both else { return }
            for connection in Array(accepted.values) { connection.end(.closed(reason), farewell: farewell) }
        }
    }
}
