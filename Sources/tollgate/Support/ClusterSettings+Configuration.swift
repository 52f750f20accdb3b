import Cluster
import RaftTransport
import Replica
import Settings

/// What is wrong with `cluster:` that only shows when it is used.
struct PeerSettingsError: Error, CustomStringConvertible {
    /// One line for people, with what to do.
    let description: String
}

extension ClusterSettings {
    /// The node of a configuration.
    /// - Throws: ``PeerSettingsError``.
    init(_ configuration: Configuration) throws {
        let node = configuration.node
        do throws(FoundingRefusal) {
            guard let membership = configuration.membership else {
                self = try .alone(name: node.name, directory: node.data)
                return
            }
            self.init(
                name: node.name,
                directory: node.data,
                seeds: try FoundingSeeds(membership.seeds.map { FoundingSeed(name: $0.name, address: $0.address) }),
                peers: nil
            )
            advertise = membership.advertise
        } catch {
            throw PeerSettingsError(description: error.explanation)
        }
        guard let membership = configuration.membership else { return }
        let tls = try membership.tls.map { try TransportTLS($0) }
        peers = Peers(listen: membership.listen, tls: tls)
        founding.lonePause = listeningPause
    }
}

extension TransportTLS {
    /// What the files of a configuration hold.
    /// - Throws: ``PeerSettingsError``.
    init(_ files: PeerTLSFiles) throws(PeerSettingsError) {
        do {
            try self.init(certificate: files.certificate, key: files.key, authorities: files.authorities)
        } catch {
            throw PeerSettingsError(description: "cluster.tls.\(error)")
        }
    }
}
