import ArgumentParser
import Cluster

/// `tollgate recover`: a cluster whose majority is lost for ever goes on as one of one.
struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Make what one node still holds a new cluster, when a majority is lost for ever.",
        discussion: """
            Without --accept-loss it changes nothing, and says what the folder holds: compare the nodes that are left, and \
            recover the one whose log has the highest term and, in that, the highest entry. The node must be stopped.

            Of a damaged folder it takes what can be read: the newest snapshot that is whole, and the log after it up to the \
            damage. In the folder of a node that waits to be admitted it finds the log that this node has set aside as \
            damaged (DIR/damaged-<number>). The damaged files stay.

            What the folder's log holds is kept, with quotas, bans, passes and challenges. What was decided by others and had \
            not reached this node is lost. The new cluster has an id of its own, so that nodes of the former one are refused \
            by it; but they must never serve again beside it: empty their folders first.
            """
    )

    @Option(help: "The node's data folder: `node.data` of its configuration.", completion: .directory) var data: String
    @Flag(help: "Do it: what this node had not received is lost for ever.") var acceptLoss = false

    func run() throws {
        do {
            guard acceptLoss else { return try explain(try Recovery.survey(directory: data)) }
            let outcome = try Recovery.recover(directory: data)
            var lines = BackupText.lines(outcome, folder: data)
            if let former = outcome.former {
                lines.append("What was there before is kept in \(former), a backup. Remove it when all is well.")
            }
            try LostOutput.check(lines.allSatisfy { Terminal.line($0) })
        } catch let error as BackupError {
            throw BackupText.failure(error)
        }
    }

    private func explain(_ survey: Recovery.Survey) throws {
        let others = survey.members.filter { $0 != survey.node }
        var lines = [
            "node      \(survey.node)",
            "cluster   \(survey.cluster)",
            "members   \(survey.members.joined(separator: ", "))",
            "log       up to entry \(survey.last.index.rawValue) of term \(survey.last.term.rawValue), "
                + "snapshot \(survey.snapshotIndex.rawValue)",
            "",
        ]
        if let damage = survey.damage {
            lines += [
                "Damaged: \(damage)",
                "What can be read ends there. Lost would be all after entry \(survey.last.index.rawValue), of this node's own "
                    + "log too. If another node's folder is whole, use that one.",
            ]
        } else {
            lines.append("Lost would be what the others had decided after that entry.")
        }
        if survey.directory != data {
            lines.append("This is what the node has set aside in \(survey.directory).")
        }
        if !others.isEmpty {
            lines.append(
                "Be sure that \(others.joined(separator: ", ")) never serve again as they are: together they would go on as "
                    + "the former cluster, with limits of their own."
            )
        }
        try LostOutput.check(lines.allSatisfy { Terminal.line($0) })
        Terminal.error("error: nothing was changed; say --accept-loss to go on")
        throw ExitCode(1)
    }
}
