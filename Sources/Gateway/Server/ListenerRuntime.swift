import Settings

/// A listener as its connections need it.
final class ListenerRuntime: Sendable {
    let settings: ListenerSettings
    /// Its address as it is configured, for records.
    let name: String
    let identifier: ClientIdentifier
    /// The header that carries the client's address, in lower case: it is the proxy's word to us and goes no further.
    let clientHeader: String?

    init(_ settings: ListenerSettings) {
        self.settings = settings
        name = settings.address.description
        identifier = ClientIdentifier(source: settings.client)
        if case .header(let name, _) = settings.client { clientHeader = name } else { clientHeader = nil }
    }
}
