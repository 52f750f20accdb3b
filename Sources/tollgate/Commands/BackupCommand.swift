import ArgumentParser
import Cluster
import NIOCore
import NIOHTTP1
import Settings

/// `tollgate backup`: the state of a cluster in a file.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Save the state of a cluster in a file, and begin a new cluster with it.",
        subcommands: [SaveBackupCommand.self, RestoreBackupCommand.self]
    )
}

private struct SaveBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save",
        abstract: "Save the state of the cluster, as it is now, in a file.",
        discussion: """
            Any member will do, and goes on meanwhile. The file has a checksum, is read back, and has the mode 0600: it holds \
            the cluster's secrets.
            """
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The file. It must not exist.", completion: .file()) var file: String
    @Flag(help: "Save what the node knows, where no majority answers.") var stale = false

    func run() async throws {
        let output: BackupFile
        do { output = try BackupFile(path: file, replacing: false) } catch { throw BackupText.failure(error) }
        var failure: BackupError?
        let path = stale ? "/v1/backup?consistency=stale" : "/v1/backup"
        let answer: AdminClient.Answer? = try await options.asking { client throws(AdminClient.Failure) in
            do throws(AdminClient.Failure) {
                return try await client.send(.GET, path) { piece in
                    do throws(BackupError) { try output.append(piece) } catch { failure = error }
                    return failure == nil
                }
            } catch {
                // Where the file cannot be written, the node is not to blame for an answer without an end.
                guard failure != nil else { throw error }
                return nil
            }
        }
        if let failure { throw BackupText.failure(failure) }
        guard let answer, answer.status == .ok else {
            let detail = answer.flatMap { OperationDocument.read($0.body)?.detail }
            Terminal.error("error: \(detail ?? "the admin interface answered \(answer?.status.code ?? 0)")")
            throw ExitCode(1)
        }
        let backup: Backup
        do { backup = try output.finish() } catch { throw BackupText.failure(error) }
        let head = backup.head
        try LostOutput.check(
            Terminal.line(
                "Saved the state after entry \(head.index.rawValue) of cluster \(head.cluster), by node \(head.node). "
                    + "Keep it as you keep a password."
            )
        )
    }
}

private struct RestoreBackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make an empty data folder that of a new cluster of one, with the state of a backup.",
        discussion: """
            For when no node's folder is left; of one that is left, `tollgate recover` makes more. Quotas are as they \
            were when the backup was made. Passes and challenges of before are void: one that was redeemed after the backup \
            would be good again otherwise. Start the node then, and add others to it by `tollgate cluster add`.
            """
    )

    @Argument(help: "The file.", completion: .file()) var file: String
    @Option(help: "The node's data folder: `node.data` of its configuration.", completion: .directory) var data: String
    @Option(help: "The node's name (default: that of the node that made the backup).") var name: String?

    func run() throws {
        do {
            let backup = try BackupFile.read(file)
            if let objection = NodeSettings.objection(toName: name ?? backup.head.node) {
                Terminal.error("error: --name: \(objection)")
                throw ExitCode(1)
            }
            let outcome = try Recovery.restore(backup, directory: data, node: name)
            try LostOutput.check(BackupText.lines(outcome, folder: data).allSatisfy { Terminal.line($0) })
        } catch let error as BackupError {
            throw BackupText.failure(error)
        }
    }
}

/// What both ways out of a disaster say.
enum BackupText {
    static func failure(_ error: BackupError) -> ExitCode {
        Terminal.error("error: \(error)")
        return ExitCode(1)
    }

    static func lines(_ outcome: Recovery.Outcome, folder: String) -> [String] {
        [
            "\(folder) is the folder of node \(outcome.node) now, alone in the new cluster \(outcome.cluster), with the state "
                + "after entry \(outcome.index.rawValue).",
            "Make it its user's (chown -R), then start the node. Empty the folders of the others, start them, and add each: "
                + "tollgate cluster add NAME",
        ]
    }
}
