import Certificates
import Foundation
import Glibc
import Ledger
import Logging
import NIOCore
import NIOPosix
import Raft
import RaftTransport
import Replica
import Testing
import Wire

@testable import Cluster

/// Nodes that are not, or not any more, who the others take them for; and what their operators read.
@Suite(.timeLimit(.minutes(2))) struct PeersTests {
    private func withTrio(_ body: (Trio) async throws -> Void) async throws {
        let trio = try await Trio()
        let result: Result<Void, any Error>
        do { result = .success(try await body(trio)) } catch { result = .failure(error) }
        try await trio.stopAll()
        try result.get()
    }

    @Test func aMemberWhoseDiskWasWipedIsLetInToWaitAndTheOthersSayWhatToDo() async throws {
        try await withTrio { trio in
            let cluster = try #require(trio.nodes["a"]?.view.cluster)
            await trio.stop("c")
            TestFolder.remove(trio.directory("c"))
            let wiped = try await trio.start("c")
            await trio.lines["c"]?.logged("in a cluster")
            #expect(wiped.view.cluster == cluster)
            for name in ["a", "b"] {
                await trio.lines[name]?.logged("c has another disk than the member of this name")
                #expect(trio.lines[name]?.count("run \"tollgate cluster replace c\"") == 1)
            }
            // It waits, and the others go on without it.
            try await trio.nodes["a"]?.serving()
            #expect(wiped.view.status?.configuration.members.isEmpty == true)
            #expect(wiped.view.alarms.filter { $0.contains("refuses") }.isEmpty)
        }
    }

    @Test func aDiskOfAnotherClusterIsRefusedAndBothSidesSayWhy() async throws {
        try await withTrio { trio in
            await trio.stop("c")
            TestFolder.remove(trio.directory("c"))
            let alone = try await Cluster.start(
                .alone(name: "c", directory: trio.directory("c")),
                on: trio.group.next(),
                logger: LogLines().logger
            )
            try await alone.serving()
            let other = try #require(alone.view.cluster)
            await alone.stop()
            let stray = try await trio.start("c")
            #expect(!stray.view.hasQuorum, "it listens first")
            let present = try #require(trio.nodes["a"]?.view.cluster)
            for name in ["a", "b"] {
                let text = "\(name) has the disk of cluster \(present), and c belongs to cluster \(other)"
                await trio.lines[name]?.logged("a peer refuses this node direction=outbound peer=c reason=\(text)")
                await trio.lines["c"]?.logged("reason=\(text)")
            }
            await trio.lines["c"]?.logged("of its seeds a, b belong to cluster \(present)")
            #expect(stray.view.cluster == other)
            try await trio.nodes["a"]?.serving()
            #expect(trio.lines["a"]?.count("warning a peer refuses") ?? 9 <= 2, "not for each attempt")
            // It decides nothing, and is not told from one without a quorum.
            #expect(stray.view.isAstray && !stray.view.hasQuorum && stray.view.decidesNothing)
            let refused = trio.group.next().makePromise(of: Bool.self)
            stray.loop.execute { [driver = stray.driver] in
                driver.value.submit([.rotate(secret: [UInt8](repeating: 7, count: LedgerBounds.secretBytes))]) {
                    if case .failure(.noQuorum) = $0 { refused.succeed(true) } else { refused.succeed(false) }
                }
            }
            #expect(try await refused.futureResult.get())
        }
    }

    @Test func aRemovedNodeIsToldSoWhenItHappensAndWhenItComesBack() async throws {
        try await withTrio { trio in
            let leader = try #require(trio.nodes.values.first { $0.view.status?.role == .leader })
            let name = try #require(Trio.names.first { trio.nodes[$0] !== leader })
            let removed = try #require(trio.nodes[name]?.view.status?.id)
            let promise = trio.group.next().makePromise(of: Bool.self)
            leader.loop.execute { [driver = leader.driver] in
                driver.value.change(ConfigurationChange([.remove(removed)])) { answer in
                    if case .success = answer { promise.succeed(true) } else { promise.succeed(false) }
                }
            }
            #expect(try await promise.futureResult.get())
            let text = "\(name) was removed from the cluster, with its replica \(removed)"
            await trio.lines[name]?.logged("reason=\(text)")
            await trio.stop(name)
            let back = try await trio.start(name)
            await trio.lines[name]?.logged("a peer refuses this node")
            #expect((trio.lines[name]?.count(text) ?? 0) >= 1)
            // On the status page too, as soon as the driver has turned.
            while !back.view.alarms.contains(where: { $0.contains(text) }) { try await back.loop.submit {}.get() }
            #expect(back.view.decidesNothing)
            try await leader.serving()
            #expect(!leader.view.decidesNothing)
        }
    }

    @Test func whatAMajorityCannotConfirmIsAnErrorAtANodeThatIsNoMember() async throws {
        try await withTrio { trio in
            func check(_ node: Cluster, _ reason: String) async throws {
                await #expect {
                    _ = try await node.status(isStale: false)
                } throws: { error in
                    guard case .notMember(let text)? = error as? OperationError else { return false }
                    return text.contains(reason) && text.contains("tollgate cluster status --stale")
                }
                #expect(try await node.status(isStale: true).membership == node.view.membership)
            }
            let waiting = try await trio.start("d")
            await trio.lines["d"]?.logged("in a cluster")
            try await waiting.until { $0.membership == .waiting }
            try await check(waiting, "waits to be admitted")
            // A leader that leaves knows it by its own log, and who was a member then. One that is deposed meanwhile hears of it.
            let removed = try await trio.removeLeader()
            try await check(removed, "no member of the cluster any more")
            let left = try await removed.status(isStale: true).members.count
            #expect(left == 2 || left == 3 && removed.view.dismissal == .removed)
        }
    }

    @Test func aReplacedNodeServesAndItsOldDiskIsRefused() async throws {
        try await withTrio { trio in
            let old = try #require(trio.nodes["c"]?.view.status?.id)
            await trio.stop("c")
            #expect(rename(trio.directory("c"), trio.directory("old")) == 0)
            let wiped = try await trio.start("c")
            await trio.lines["c"]?.logged("in a cluster")
            let new = try #require(wiped.view.status?.id)
            #expect(new != old)
            let member = Member(id: new, name: "c", address: trio.address("c"))
            try await trio.change([.remove(old), .addLearner(member)]) { !$0.contains(old) && $0.contains(new) }
            try await trio.change([.promote(new)]) { $0.voters.contains(new) }
            try await wiped.serving()
            await trio.stop("c")

            #expect(rename(trio.directory("c"), trio.directory("new")) == 0)
            #expect(rename(trio.directory("old"), trio.directory("c")) == 0)
            try await trio.start("c")
            let text = "c has an old disk: its replica \(old) is no member any more, and was replaced by \(new)"
            await trio.lines["c"]?.logged("a peer refuses this node")
            #expect((trio.lines["c"]?.count(text) ?? 0) >= 1)
            for name in ["a", "b"] { await trio.lines[name]?.logged(text) }
            await trio.stop("c")

            #expect(rename(trio.directory("c"), trio.directory("old")) == 0)
            #expect(rename(trio.directory("new"), trio.directory("c")) == 0)
            try await trio.start("c").serving()
        }
    }

    @Test func aMemberThatWasAwayTakesPartWithThoseWhomItHasNeverHeardOf() async throws {
        try await withTrio { trio in
            await trio.stop("c")
            let added = try await trio.start("d")
            await trio.lines["d"]?.logged("in a cluster")
            let id = try #require(added.view.status?.id)
            let member = Member(id: id, name: "d", address: trio.address("d"))
            try await trio.change([.addLearner(member)]) { $0.contains(id) }
            try await trio.change([.promote(id)]) { $0.voters.contains(id) }
            try await added.serving()
            let removed = try #require(trio.nodes["b"]?.view.status?.id)
            try await trio.change([.remove(removed)]) { !$0.contains(removed) }
            try await trio.nodes["a"]?.serving()
            try await added.serving()
            // Of a, c and d only the last two are left, and c knows a and b.
            for name in ["a", "b"] { await trio.stop(name) }
            let back = try await trio.start("c")
            try await back.serving()
            try await added.serving()
            #expect(back.view.status?.configuration.members.map(\.name).sorted() == ["a", "c", "d"])
        }
    }

    @Test func theLongestMessagesFitIntoWhatTheTransportSends() throws {
        let command = [UInt8](repeating: 7, count: Entry.commandBytesMax)
        let (from, to) = (ReplicaID(high: 1, low: 1), ReplicaID(high: 1, low: 2))
        let append = Message(
            from: from,
            to: to,
            term: Term(1),
            body: .appendRequest(
                AppendRequest(
                    previous: LogPosition(term: Term(1), index: LogIndex(1)),
                    entries: [
                        Entry(position: LogPosition(term: Term(1), index: LogIndex(2)), payload: .command(command))
                    ],
                    commit: LogIndex(1)
                )
            )
        )
        for payload in [PeerMessage.Payload.forward(command), .raft(append)] {
            let message = NodeMessage.peer(
                PeerMessage(
                    from: from,
                    to: to,
                    time: .running(LedgerTime(nanoseconds: 1)),
                    supportedVersion: 1,
                    payload: payload
                )
            )
            let bytes = message.encode()
            #expect(bytes.count <= NodeMessage.encodedBytesMax)
            #expect(try NodeMessage(decoding: bytes) == message)
        }
        let settings = Cluster.transportSettings
        #expect(NodeMessage.encodedBytesMax + 5 <= settings.frameBytesMax)
        #expect(settings.frameBytesMax + RaftSettings().inflightBytesMax <= settings.messagesQueueBytesMax)
        #expect(settings.acceptedMax >= 4 * (Configuration.membersMax - 1))
    }

    @Test func certificatesAreCheckedAtTheStartAndReloaded() async throws {
        let folder = try TestFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let now = Date.now
        let (ours, other) = (try CertificateAuthority(now: now), try CertificateAuthority(now: now))
        func tls(_ name: String, days: Int, _ authority: CertificateAuthority? = nil) throws -> TransportTLS {
            let issued = try (authority ?? ours).issue(to: name, days: days, now: now)
            return try TransportTLS(
                certificate: Array(issued.certificate.utf8),
                key: Array(issued.key.utf8),
                authorities: Array(try ours.own.certificate.utf8)
            )
        }
        func start(_ tls: TransportTLS) async throws -> Cluster {
            var settings = try ClusterSettings.alone(name: "a", directory: folder.path + "/a")
            settings.peers = .init(listen: "127.0.0.1:0", tls: tls)
            return try await Cluster.start(settings, on: group.next(), logger: LogLines().logger)
        }
        for wrong in [try tls("b", days: 1), try tls("a", days: 1, other)] {
            await #expect(throws: ClusterError.self) { _ = try await start(wrong) }
        }
        let first = try tls("a", days: 1)
        let node = try await start(first)
        #expect(await node.connections()?.certificateNotAfterSeconds == first.notAfterSeconds)
        let second = try tls("a", days: 9)
        try await node.reloadCertificates(second)
        #expect(await node.connections()?.certificateNotAfterSeconds == second.notAfterSeconds)
        for wrong in [try tls("b", days: 5), try tls("a", days: 5, other)] {
            await #expect(throws: ClusterError.self) { try await node.reloadCertificates(wrong) }
        }
        #expect(
            await node.connections()?.certificateNotAfterSeconds == second.notAfterSeconds,
            "a bad one changes nothing"
        )
        await node.stop()
        #expect(await node.connections()?.connections.isEmpty == true)
        try await group.shutdownGracefully()
        folder.remove()
    }

    @Test func aNameOrAnAddressThatNoHelloCanCarryIsAnErrorAndNoCrash() async throws {
        let folder = try TestFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        for (name, address) in [("a\nb", "localhost:1"), ("a", "localhost\u{0}:1")] {
            let seeds = try FoundingSeeds([FoundingSeed(name: name, address: address)])
            let settings = ClusterSettings(
                name: name,
                directory: folder.path + "/a",
                seeds: seeds,
                peers: .init(listen: "127.0.0.1:0", tls: nil)
            )
            await #expect(throws: ClusterError.self) {
                _ = try await Cluster.start(settings, on: group.next(), logger: LogLines().logger)
            }
        }
        try await group.shutdownGracefully()
        folder.remove()
    }

    @Test func aLoopThatAsksTooMuchIsToldSoAtOnceAndTheRestIsAnswered() async throws {
        let folder = try TestFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var settings = try ClusterSettings.alone(name: "a", directory: folder.path)
        settings.clientCommandsMax = 4
        let node = try await Cluster.start(settings, on: group.next(), logger: LogLines().logger)
        try await node.serving()
        let loop = group.next()
        let answers = try await loop.flatSubmit {
            let client = node.makeClient(on: loop)
            var answers: [(Int, LedgerUnavailable?)] = []
            let promise = loop.makePromise(of: [Int: LedgerUnavailable?].self)
            let policies = [PolicyDefinition]()
            for (number, count) in [3, 2, 1, 1, 0].enumerated() {
                let commands = Array(
                    repeating: Command.setPolicies(expectedRevision: 99, policies: policies),
                    count: count
                )
                client.submit(commands) { result in
                    if case .failure(let failure) = result {
                        answers.append((number, failure))
                    } else {
                        answers.append((number, nil))
                    }
                    guard answers.count == 5 else { return }
                    promise.succeed(Dictionary(uniqueKeysWithValues: answers))
                }
            }
            return promise.futureResult
        }.get()
        #expect(answers == [0: nil, 1: .overloaded, 2: nil, 3: .overloaded, 4: .overloaded])
        await node.stop()
        try await group.shutdownGracefully()
        folder.remove()
    }
}
