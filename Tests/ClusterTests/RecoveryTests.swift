import Glibc
import Ledger
import Replica
import Testing

@testable import Cluster

/// A cluster goes on from one folder, or from a backup.
@Suite(.timeLimit(.minutes(2)), .serialized) struct RecoveryTests {
    /// Three nodes with some state.
    private func three(_ site: Site) async throws {
        for name in ["a", "b", "c"] { try await site.start(name, seeds: ["a", "b", "c"]) }
        for name in ["a", "b", "c"] { try await site.node(name).serving() }
        try await site.write("a", times: 2)
    }

    @Test func aBackupIsReadAsItWasWrittenAndDamageIsNoticed() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            try await site.write("a", times: 2)
            let backup = try await a.backup(isStale: false)
            var bytes: [UInt8] = []
            try backup.write { bytes += $0 }
            let read = try Backup(bytes, path: "x")
            #expect(read.head == backup.head)
            #expect(read.ledger.digest == backup.ledger.digest)
            for place in stride(from: 0, to: bytes.count, by: 7) {
                var flipped = bytes
                flipped[place] ^= 4
                #expect(throws: BackupError.self) { try Backup(flipped, path: "x") }
            }
            for count in stride(from: 0, to: bytes.count, by: 11) {
                #expect(throws: BackupError.self) { try Backup(Array(bytes[..<count]), path: "x") }
            }
        }
    }

    @Test func whatASurvivorHoldsGoesOnAsAnotherClusterAndPassesStay() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await three(site)
            let before = try await site.node("b").backup(isStale: false)
            let former = try site.node("b").view.cluster
            for name in ["a", "b", "c"] { await site.stop(name) }
            let survey = try Recovery.survey(directory: site.directory("b"))
            #expect(survey.members == ["a", "b", "c"])
            #expect(survey.last.index >= before.head.index)
            let outcome = try Recovery.recover(directory: site.directory("b"))
            #expect(outcome.node == "b" && outcome.cluster != former)

            let b = try await site.start("b", seeds: ["a", "b", "c"])
            try await b.serving()
            let facts = try #require(b.view.facts)
            #expect(facts.clusterID == outcome.cluster && b.view.cluster == outcome.cluster)
            #expect(facts.epochs == before.ledger.facts.epochs, "tokens of before are good")
            #expect(facts.secret == before.ledger.facts.secret)
            #expect(b.view.time >= before.ledger.time, "time goes on")
            #expect(try await b.status(isStale: false).members.map(\.name) == ["b"])
            // One comes back as it was, and is told that it must not. It can do no harm.
            let returned = try await site.start("a", seeds: ["a", "b", "c"])
            try await site.until { returned.view.alarms.contains { $0.contains("Node b refuses this node") } }
            #expect(b.view.hasQuorum && b.view.alarms.isEmpty)
            await site.stop("a")
            // Another one comes back with an empty folder.
            site.wipe("c")
            try await site.start("c", seeds: ["a", "b", "c"])
            try await site.until { b.view.waiting.contains { $0.name == "c" } }
            #expect(try await b.add(name: "c", address: nil).state == .voter)
            try await site.node("c").serving()
            try await site.write("c", times: 1)
            // The former state is kept.
            let path = try #require(outcome.former)
            let kept = try BackupFile.read(path)
            #expect(kept.head.cluster == former)
        }
    }

    @Test func aRecoveryThatWasCutShortIsFinishedByTheNext() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await three(site)
            for name in ["a", "b", "c"] { await site.stop(name) }
            let folder = site.directory("a")
            // As far as the copy of what was there, and the log is gone.
            let first = try Recovery.recover(directory: folder)
            let former = try #require(first.former)
            #expect(rename(former, folder + "/recovery") == 0)
            TestFolder.remove(folder + "/log")
            await #expect(throws: ClusterError.self) { try await site.start("a", seeds: ["a", "b", "c"]) }
            do {
                _ = try Recovery.survey(directory: folder)
                Issue.record("it says that nothing is there")
            } catch {
                #expect("\(error)".contains("tollgate recover --data \(folder) --accept-loss"))
                #expect("\(error)".contains("after entry \(first.index.rawValue)"))
            }
            let second = try Recovery.recover(directory: folder)
            #expect(second.index == first.index && second.cluster != first.cluster)
            #expect(second.directory == nil && first.directory == folder)
            let a = try await site.start("a", seeds: ["a", "b", "c"])
            try await a.serving()
            #expect(a.view.cluster == second.cluster)
        }
    }

    @Test func whatASecondRecoveryFindsIsKeptBesideWhatTheFirstFound() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            try await site.write("a", times: 2)
            let cluster = try #require(a.view.cluster)
            await site.stop("a")
            let first = try Recovery.recover(directory: site.directory("a"))
            let second = try Recovery.recover(directory: site.directory("a"))
            #expect(try BackupFile.read(try #require(first.former)).head.cluster == cluster)
            #expect(try BackupFile.read(try #require(second.former)).head.cluster == first.cluster)
        }
    }

    @Test func aRecoveryWhoseCopyIsDamagedSaysWhatToDo() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            await site.stop("a")
            let folder = site.directory("a")
            let former = try #require(try Recovery.recover(directory: folder).former)
            #expect(rename(former, folder + "/recovery") == 0)
            try TestFolder.flipLastByte(of: folder + "/recovery")
            for isMeant in [false, true] {
                do {
                    if isMeant { _ = try Recovery.recover(directory: folder) }
                    _ = try Recovery.survey(directory: folder)
                    Issue.record("it is taken")
                } catch {
                    #expect("\(error)".contains("Move this file away") && "\(error)".contains(folder + "/recovery"))
                }
            }
            #expect(rename(folder + "/recovery", folder + "/moved") == 0)
            #expect(try Recovery.survey(directory: folder).members == ["a"])
        }
    }

    @Test func whereAllLogsAreDamagedWhatCanBeReadGoesOn() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await three(site)
            let before = try await site.node("a").backup(isStale: false)
            let names = ["a", "b", "c"]
            for name in names { await site.stop(name) }
            for name in names { try TestFolder.flipLastByte(ofLogIn: site.directory(name)) }
            for name in names {
                let survey = try Recovery.survey(directory: site.directory(name))
                #expect(!survey.losses.isEmpty && survey.directory == site.directory(name))
            }
            // All begin anew, and all wait.
            for name in names { try await site.start(name, seeds: names) }
            for name in names { try await site.until { try site.node(name).view.membership == .waiting } }
            for name in names {
                #expect(try site.node(name).view.alarms.contains { $0.contains("tollgate recover") })
            }
            for name in names { await site.stop(name) }
            let survey = try Recovery.survey(directory: site.directory("a"))
            #expect(survey.directory == site.directory("a") + "/damaged-1")
            #expect(!survey.losses.isEmpty && survey.cluster == before.head.cluster)
            #expect(survey.members == names)
            let outcome = try Recovery.recover(directory: site.directory("a"))
            #expect(outcome.node == "a" && outcome.index == survey.last.index)
            let a = try await site.start("a", seeds: names)
            try await a.serving()
            let facts = try #require(a.view.facts)
            #expect(facts.clusterID == outcome.cluster && facts.secret == before.ledger.facts.secret)
            try await site.write("a", times: 1)
        }
    }

    @Test func aDamagedFolderIsRecoveredAsFarAsItCanBeReadAndKept() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.start("a", seeds: ["a"])
            try await a.serving()
            try await site.write("a", times: 2)
            let secret = try #require(a.view.facts?.secret)
            await site.stop("a")
            let folder = site.directory("a")
            try TestFolder.flipLastByte(ofLogIn: folder)
            let outcome = try Recovery.recover(directory: folder)
            #expect(access(folder + "/damaged-1/log", F_OK) == 0, "the files stay")
            let again = try await site.start("a", seeds: ["a"])
            try await again.serving()
            #expect(again.view.facts?.secret == secret && again.view.facts?.clusterID == outcome.cluster)
        }
    }

    @Test func whereTheFoundingRecordIsDamagedTheAdviceCanBeFollowed() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.start("a", seeds: ["a"])
            try await a.serving()
            try await site.write("a", times: 2)
            let secret = try #require(a.view.facts?.secret)
            await site.stop("a")
            let folder = site.directory("a")
            try TestFolder.flipLastByte(of: folder + "/founding")
            do {
                try await site.start("a", seeds: ["a"])
                Issue.record("it starts")
            } catch let error as ClusterError {
                guard case .damaged = error else { throw error }
                #expect("\(error)".contains("tollgate recover --data \(folder)"))
                #expect(error.description.contains("tollgate cluster replace a"))
            }
            _ = try Recovery.recover(directory: folder)
            let again = try await site.start("a", seeds: ["a"])
            try await again.serving()
            #expect(again.view.facts?.secret == secret)
        }
    }

    @Test func aFolderThatIsInUseIsLeftAlone() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            #expect(throws: BackupError.self) { try Recovery.survey(directory: site.directory("a")) }
            #expect(throws: BackupError.self) { try Recovery.recover(directory: site.directory("a")) }
            try await site.write("a", times: 1)
        }
    }

    @Test func aBackupIsRestoredIntoAnEmptyFolderUnderNewKeys() async throws {
        try await Site.with(["a", "b"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            try await site.write("a", times: 2)
            let backup = try await a.backup(isStale: false)
            #expect(throws: BackupError.self) {
                try Recovery.restore(backup, directory: site.directory("a"), node: nil)
            }
            await site.stop("a")
            #expect(throws: BackupError.self, "there is data") {
                try Recovery.restore(backup, directory: site.directory("a"), node: nil)
            }
            let outcome = try Recovery.restore(backup, directory: site.directory("b"), node: "b")
            let b = try await site.startAlone("b")
            try await b.serving()
            let facts = try #require(b.view.facts)
            #expect(facts.clusterID == outcome.cluster && outcome.cluster != backup.head.cluster)
            #expect(facts.secret == backup.ledger.facts.secret)
            let known = backup.ledger.facts.epochs
            #expect(facts.epochs.count == 1)
            #expect(!known.contains { $0.number == facts.epochs[0].number || $0.secret == facts.epochs[0].secret })
            try await site.write("b", times: 1)
        }
    }

    @Test func aFolderThatIsNotThereIsNotMade() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        #expect(throws: BackupError.self) { try Recovery.survey(directory: folder.path + "/none") }
        #expect(throws: BackupError.self) { try Recovery.recover(directory: folder.path + "/none") }
        #expect(access(folder.path + "/none", F_OK) != 0)
    }

    @Test func aNodeThatHasNothingCannotBeRecovered() async throws {
        try await Site.with(["a", "b"]) { site in
            let a = try await site.start("a", seeds: ["a"])
            try await a.serving()
            let b = try await site.start("b", seeds: ["a", "b"])
            try await site.until { b.view.membership == .waiting }
            await #expect(throws: OperationError.self) { try await b.backup(isStale: false) }
            await site.stop("b")
            #expect(throws: BackupError.self) { try Recovery.survey(directory: site.directory("b")) }
        }
    }
}
