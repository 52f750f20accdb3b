/// `cluster:`, this node among its peers.
public struct MembershipSettings: Sendable, Equatable {
    /// Where peers are listened for: `host:port`.
    public var listen: String
    /// Where peers reach this node: `host:port`. It is also its address among the seeds.
    public var advertise: String
    /// Who founds the cluster, this node among them. 1 to ``seedsMax``, sorted by name; no name and no address twice.
    public var seeds: [Seed]
    /// What connections are made with; nil: plain TCP, on loopback.
    public var tls: PeerTLSFiles?

    /// Seeds at most.
    public static let seedsMax = 64

    /// A node that founds the cluster.
    public struct Seed: Sendable, Equatable {
        /// The node's name, as in its certificate.
        public var name: String
        /// Where its peers reach it: `host:port`.
        public var address: String

        /// A value of these fields.
        public init(name: String, address: String) {
            self.name = name
            self.address = address
        }
    }

    /// A value of these fields.
    public init(listen: String, advertise: String, seeds: [Seed], tls: PeerTLSFiles?) {
        self.listen = listen
        self.advertise = advertise
        self.seeds = seeds
        self.tls = tls
    }
}

/// What the files under `cluster.tls` held when they were read: PEM, not looked into.
public struct PeerTLSFiles: Sendable, Equatable {
    /// This node's certificate, then those between it and the authority.
    public var certificate: [UInt8]
    /// Its private key.
    public var key: [UInt8]
    /// The authorities that sign the certificates of peers.
    public var authorities: [UInt8]

    /// A value of these fields.
    public init(certificate: [UInt8], key: [UInt8], authorities: [UInt8]) {
        self.certificate = certificate
        self.key = key
        self.authorities = authorities
    }
}

/// The key is never shown, whoever prints a configuration.
extension PeerTLSFiles: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How long they are.
    public var description: String { "a certificate of \(certificate.count) bytes, and its key" }
    /// The same.
    public var debugDescription: String { description }
    /// Without the key.
    public var customMirror: Mirror { Mirror(self, children: ["certificate": certificate.count]) }
}
