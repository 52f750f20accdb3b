import Ledger
import ProofOfWork
import Settings
import Wire

@testable import Gateway

/// A request's head from a few words.
func head(
    _ method: String = "GET",
    _ target: String = "/",
    _ fields: [(String, String)] = [("Host", "example.com")]
) -> RequestHead {
    var head = RequestHead(method: method, target: target)
    for (name, value) in fields { head.add(name: name, value: value) }
    return head
}

/// The address that a test writes; a text that is none is the test's mistake.
func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

/// The networks that a test writes.
func networks(_ texts: String...) -> PrefixSet {
    PrefixSet(
        texts.map { text in
            guard let prefix = IPPrefix(text) else { preconditionFailure("\(text) is no network") }
            return prefix
        }
    )
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// Keys of fixed secrets.
func keyRing(epochs: [UInt32] = [1], current: UInt32? = nil, cluster: UInt8 = 7) throws -> KeyRing {
    try KeyRing(
        clusterSecret: [UInt8](repeating: cluster, count: 32),
        epochs: epochs.map { ($0, [UInt8](repeating: UInt8(truncatingIfNeeded: $0 &* 37 &+ 1), count: 32)) },
        current: current ?? epochs[epochs.count - 1]
    )
}

/// A configuration from YAML, with a host name of its own and no files.
func configuration(_ yaml: String) throws -> Configuration {
    try Configuration.parse(
        text: yaml,
        file: "test.yaml",
        environment: LoadingEnvironment(hostName: "test") { (_, _) throws(LoadingEnvironment.FileFault) in
            throw LoadingEnvironment.FileFault(message: "does not exist", remedy: "name none in a test")
        }
    ).configuration
}

let genesis = Genesis(clusterID: ClusterID(high: 1, low: 2), secret: [UInt8](repeating: 7, count: 32))

let second: UInt64 = 1_000_000_000
