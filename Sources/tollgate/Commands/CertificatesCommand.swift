import ArgumentParser
import Certificates
import FoundationEssentials

/// `tollgate certificates`: the certificates by which the nodes of a cluster know each other.
struct CertificatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificates",
        abstract: "Make the certificates by which the nodes of a cluster know each other.",
        subcommands: [CreateCertificatesCommand.self, RenewCertificatesCommand.self]
    )
}

/// What both subcommands are told.
struct CertificatesOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The nodes' names, as in their configurations.", valueName: "a,b,c"))
    var nodes: String

    @Option(name: .long, help: ArgumentHelp("Where the files are.", valueName: "DIR"), completion: .directory)
    var out: String

    @Option(name: .long, help: "How long the nodes' certificates hold, in days.")
    var days = 365

    /// The names, checked.
    func names() throws(CertificatesError) -> [String] {
        let names = nodes.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try CertificateAuthority.check(names)
        guard (1...CertificateAuthority.daysMax).contains(days) else { throw .badDays(days) }
        return names
    }
}

/// `tollgate certificates create`.
struct CreateCertificatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make an authority, and a certificate for each node.",
        discussion: """
            Writes DIR/ca.pem and DIR/ca.key, which hold for ten years, and DIR/NAME.pem and DIR/NAME.key for each node. \
            Keys are ECDSA over P-256 and readable by their owner only. Replaces nothing: where one of the files exists it \
            makes none.

            Each node needs ca.pem and its own two files. ca.key is needed to renew, and on no node.
            """
    )

    @OptionGroup var options: CertificatesOptions

    func run() throws {
        try CertificateFiles.reporting {
            let names = try options.names()
            let files = CertificateFiles(folder: options.out)
            try files.makeFolder()
            for name in ["ca"] + names {
                for path in [files.certificate(name), files.key(name)] where files.exists(path) {
                    throw CertificateFiles.Failure(
                        "\(path) exists, and nothing was written; to keep the authority and make new certificates: "
                            + "tollgate certificates renew"
                    )
                }
            }
            let now = Date()
            let authority = try CertificateAuthority(now: now)
            var isSaid = try files.write(try authority.own, for: "ca", replacing: false)
            for name in names {
                let issued = try authority.issue(to: name, days: options.days, now: now)
                isSaid = try files.write(issued, for: name, replacing: false) && isSaid
            }
            let advice = "Give each node ca.pem and its own two files, and keep ca.key elsewhere."
            try LostOutput.check(isSaid && Terminal.line(advice))
        }
    }
}

/// `tollgate certificates renew`.
struct RenewCertificatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Make new certificates by the authority that is there, also for further nodes.",
        discussion: """
            Reads DIR/ca.pem and DIR/ca.key, and writes DIR/NAME.pem and DIR/NAME.key for each node, with a new key. What \
            was there is replaced, and each file that was is told. Connections that are open go on; a node takes new files \
            when it reloads its configuration.
            """
    )

    @OptionGroup var options: CertificatesOptions

    func run() throws {
        try CertificateFiles.reporting {
            let names = try options.names()
            let files = CertificateFiles(folder: options.out)
            let authority = try files.readAuthority()
            let now = Date()
            // All of them before the first is written: where one cannot be made, none is replaced.
            let issued = try names.map { ($0, try authority.issue(to: $0, days: options.days, now: now)) }
            var isSaid = true
            for (name, issued) in issued { isSaid = try files.write(issued, for: name, replacing: true) && isSaid }
            try LostOutput.check(isSaid)
        }
    }
}
