/// Why no certificate can be made. Each is for whoever asked for it.
public enum CertificatesError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A name that no certificate, or no file, can have.
    case badName(String)
    /// The name of the authority's own files.
    case reservedName(String)
    /// A name is given twice, which is the same file on some systems: letters are compared without regard to case.
    case repeatedName(String)
    /// Nobody is to get a certificate.
    case noNames
    /// Not between 1 and ``CertificateAuthority/daysMax``.
    case badDays(Int)
    /// The text is no certificate of an authority.
    case noAuthority
    /// The text is no private key.
    case noKey
    /// The key belongs to another certificate.
    case keysDiffer
    /// The authority's own certificate has expired.
    case authorityExpired
    /// Something that should not happen.
    case failed(String)

    /// One sentence, with what to do.
    public var description: String {
        switch self {
        case .badName(let name):
            """
            a node cannot be named "\(name)": use 1 to \(CertificateAuthority.nameBytesMax) letters, digits, "-", "_" and \
            ".", beginning with a letter or a digit
            """
        case .reservedName(let name): "a node cannot be named \"\(name)\": its files would be those of the authority"
        case .repeatedName(let name): "the name \"\(name)\" is given twice"
        case .noNames: "name the nodes: --nodes a,b,c"
        case .badDays(let days): "\(days) days are not between 1 and \(CertificateAuthority.daysMax)"
        case .noAuthority: "it holds no certificate of an authority in PEM"
        case .noKey: "it holds no private key in PEM without a passphrase"
        case .keysDiffer: "the key does not belong to the authority's certificate"
        case .authorityExpired: "the authority's certificate has expired: create another one, and give it to every node"
        case .failed(let text): text
        }
    }
}
