import ArgumentParser
import Cluster

/// `tollgate recover`: a cluster whose majority is lost for ever goes on as one of one.
struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Make what one node still holds a new cluster, when a majority is lost for ever.",
        discussion: """
            Without --accept-loss it changes nothing but what a start of the node would put in order, and says what the folder \
            holds: compare the nodes that are left, and recover the one whose log has the highest term and, in that, the \
            highest entry. The node must be stopped.

            Of a damaged folder, or one that the disk fails to read in part, it takes what can be read: the newest snapshot \
            that is whole, and the log after it up to the damage. It looks at the logs that the node has set aside in it as \
            damaged, too (DIR/damaged-<number>), takes the one of that cluster that goes furthest, and says which it takes and \
            which it leaves. All damaged files stay.

            What the log holds is kept: what was charged to limits, spent challenges, and passes. What was decided by others \
            and had not reached this node is lost. The new cluster has an id of its own, so that nodes of the former one are \
            refused by it; but they must never serve again beside it: empty their folders first.

            If it is cut short, run it again.
            """
    )

    @Option(help: "The node's data folder: `node.data` of its configuration.", completion: .directory) var data: String
    @Flag(help: "Do it: what this node had not received is lost for ever.") var acceptLoss = false

    func run() throws {
        do {
            guard acceptLoss else { return try explain(try Recovery.survey(directory: data)) }
            let outcome = try Recovery.recover(directory: data)
            var lines = outcome.losses.map { "Damaged: \($0)" }
            if outcome.directory == nil {
                lines.append("The recovery that had been begun is finished, with the state that it had saved.")
            } else if let directory = outcome.directory, directory != data {
                lines.append("The state is that of the log that the node had set aside in \(directory).")
            }
            lines += outcome.left.map { "Not taken: \($0)" }
            lines += BackupText.lines(outcome, folder: data)
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
        if survey.directory != data {
            lines.append("This is what the node has set aside in \(survey.directory).")
        }
        if !survey.losses.isEmpty {
            lines += survey.losses.map { "Damaged: \($0)" }
            lines.append(
                "Lost would be all after entry \(survey.last.index.rawValue), of this node's own log too."
                    + (others.isEmpty ? "" : " If another node's folder is whole, use that one.")
            )
        } else if others.isEmpty, survey.directory == data {
            lines.append("Nothing of the log would be lost: it is whole, and nobody else is a member.")
        } else {
            lines.append("Lost would be what the others had decided after that entry.")
        }
        lines += survey.left.map { "Not taken: \($0)" }
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
