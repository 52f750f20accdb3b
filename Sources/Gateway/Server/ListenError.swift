import Settings

/// Why a listener could not be opened.
public struct ListenError: Error, CustomStringConvertible {
    /// The address as it was configured.
    public let address: ListenAddress
    /// Why not, and what to do, for people.
    public let reason: String

    /// An error of this address.
    public init(address: ListenAddress, reason: String) {
        self.address = address
        self.reason = reason
    }

    /// One line for people.
    public var description: String { "cannot listen on \(address): \(reason)" }
}
