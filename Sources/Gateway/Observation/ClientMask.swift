import ProofOfWork
import Settings

/// How much of a client's address is written down, as `log.addresses` says. A value; any thread.
struct ClientMask: Sendable {
    /// Made at the start and never written down: without it nobody can try which address gives which hash.
    private let pseudonyms: Pseudonyms

    init(pseudonyms: Pseudonyms = Pseudonyms()) {
        self.pseudonyms = pseudonyms
    }

    /// - Returns: nil where nothing is to be written.
    func text(_ client: IPAddress, _ addresses: LogSettings.Addresses) -> String? {
        switch addresses {
        case .full:
            return client.description
        case .prefix:
            return client.prefix(client.isIPv4 ? 24 : 48).description
        case .hashed:
            // What counts as one client: an IPv6 host changes the rest of its address as it likes.
            let own = client.prefix(client.isIPv4 ? 32 : 64).address
            return pseudonyms.text(high: own.high, low: own.low, isIPv4: own.isIPv4)
        case .none:
            return nil
        }
    }
}
