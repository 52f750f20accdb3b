import Ledger
import Raft
import RaftStorage
import Simulator
import Testing
import Wire

@testable import Replica

let millisecond: UInt64 = 1_000_000
let second: UInt64 = 1_000_000_000

/// Nodes that are pumped one millisecond after the other, with real storage on disks in memory. Messages take one
/// millisecond and pass through their bytes. Nothing goes wrong unless a test says so.
final class TestGroup<Machine: StateMachine> {
    /// One node, and what surrounds it.
    struct Place {
        let name: String
        let disk: SimulatedDisk
        var node: Node<Machine>?
        var storage: NodeStorage<Machine, SimulatedDisk>?
        var settings: ReplicaSettings
        /// Added to true time.
        var wallOffset: Int64 = 0
        /// The process stands still.
        var isPaused = false
        /// Storage requests wait.
        var isDiskHeld = false
        /// No slice of a snapshot is written.
        var isSnapshotHeld = false
        var requests: [NodeStorageRequest<Machine>] = []
        var starts: UInt64 = 0
        var alarms: [NodeAlarm] = []
        var stop: StopReason?
        var applied: [AppliedReport<Machine>] = []
        var restored: [LogIndex] = []
    }

    var places: [Place] = []
    /// Since the beginning, in nanoseconds.
    private(set) var now: UInt64 = 0
    private var messages: [(at: UInt64, to: Int, bytes: [UInt8])] = []
    /// Links that carry nothing: from, to.
    var cut: Set<[Int]> = []
    /// Looks at each message before it is sent; false: it is lost.
    var carries: (_ from: Int, _ to: Int, NodeMessage) -> Bool = { _, _, _ in true }
    private(set) var answers: [RequestID: Result<ReplicaAnswer<Machine>, ReplicaFailure>] = [:]
    private(set) var answerOrder: [RequestID] = []
    private var nextRequest: UInt64 = 0
    private let seeds: FoundingSeeds
    private let genesis: @Sendable (FoundingValue) -> Machine
    private let seed: UInt64

    init(
        _ count: Int,
        seed: UInt64 = 1,
        genesis: @escaping @Sendable (FoundingValue) -> Machine,
        settings: (inout ReplicaSettings) -> Void = { _ in }
    ) throws {
        let names = ["a", "b", "c", "d", "e"].prefix(count)
        seeds = try FoundingSeeds(names.map { FoundingSeed(name: $0, address: "\($0):1") })
        self.genesis = genesis
        self.seed = seed
        var all = ReplicaSettings()
        all.reportsApplied = true
        settings(&all)
        for (index, name) in names.enumerated() {
            let disk = SimulatedDisk(generator: Xoshiro256(seed: seed &+ UInt64(index)))
            places.append(Place(name: name, disk: disk, settings: all))
        }
        for index in places.indices { try start(index) }
    }

    /// A node that belongs to no cluster, beside the seeds.
    func addPlace(_ name: String) throws -> Int {
        let disk = SimulatedDisk(generator: Xoshiro256(seed: seed &+ 100 &+ UInt64(places.count)))
        places.append(Place(name: name, disk: disk, settings: places[0].settings))
        try start(places.count - 1)
        return places.count - 1
    }

    // MARK: - Life and death

    func start(_ index: Int) throws {
        let place = places[index]
        places[index].starts += 1
        try? place.disk.makeDirectory("/data")
        var files = StorageSettings()
        files.segmentBytes = 1 << 15
        let (storage, start) = try NodeStorage<Machine, SimulatedDisk>.open(
            directory: "/data",
            node: place.name,
            files: place.disk,
            settings: files,
            genesis: genesis
        )
        let number = UInt64(index + 1) << 32 | places[index].starts
        var list = seeds.seeds
        if !list.contains(where: { $0.name == place.name }) {
            list.append(FoundingSeed(name: place.name, address: "\(place.name):1"))
        }
        places[index].storage = storage
        places[index].stop = nil
        places[index].node = try Node(
            configuration: NodeConfiguration(
                name: place.name,
                seeds: try FoundingSeeds(list),
                founding: FoundingSettings(),
                replica: place.settings
            ),
            start: start,
            candidate: FoundingCandidate(
                cluster: ClusterID(high: number, low: 1),
                secret: Array(repeating: UInt8(index + 1), count: 32)
            ),
            drawn: ReplicaID(high: number, low: 2),
            now: bootTime(index),
            wall: wallTime(index),
            seed: seed &+ number
        )
        pump(index)
    }

    func crash(_ index: Int, _ mode: PowerCut = .losesAll) {
        places[index].node = nil
        places[index].storage = nil
        places[index].requests = []
        places[index].isPaused = false
        places[index].isDiskHeld = false
        places[index].disk.cutPower(mode)
        places[index].disk.restart()
    }

    /// Each process has a clock that began with it.
    private func bootTime(_ index: Int) -> BootTime { BootTime(nanoseconds: now + 77 * second) }

    private func wallTime(_ index: Int) -> WallTime {
        WallTime(nanoseconds: 1_700_000_000_000_000_000 + Int64(now) + places[index].wallOffset)
    }

    // MARK: - Time

    func step() {
        now += millisecond
        let due = messages.filter { $0.at <= now && !places[$0.to].isPaused }
        messages.removeAll { $0.at <= now && !places[$0.to].isPaused }
        for index in places.indices where !places[index].isPaused {
            let (boot, wall) = (bootTime(index), wallTime(index))
            places[index].node?.advance(to: boot, wall: wall)
            for message in due where message.to == index {
                do { places[index].node?.receive(try NodeMessage(decoding: message.bytes)) } catch {
                    Issue.record("a message cannot be read: \(error)")
                }
            }
            pump(index)
        }
    }

    func run(_ milliseconds: Int) {
        for _ in 0..<milliseconds { step() }
    }

    /// Time passes at once, as for processes that are not there: all of them must be.
    func skip(_ nanoseconds: UInt64) {
        precondition(places.allSatisfy { $0.node == nil }, "nobody may see it")
        now += nanoseconds
        messages = []
    }

    /// Goes on until something is so.
    func wait(
        _ milliseconds: Int = 5_000,
        sourceLocation: SourceLocation = #_sourceLocation,
        until isSo: () -> Bool
    ) {
        for _ in 0..<milliseconds {
            if isSo() { return }
            step()
        }
        #expect(isSo(), "it did not come about in \(milliseconds) ms", sourceLocation: sourceLocation)
    }

    // MARK: - Pumping

    func pump(_ index: Int) {
        while true {
            guard let actions = places[index].node?.takeActions(), !actions.isEmpty else { break }
            for action in actions { perform(action, index) }
            executeStorage(index)
        }
        executeStorage(index)
    }

    func releaseDisk(_ index: Int) {
        places[index].isDiskHeld = false
        executeStorage(index)
        pump(index)
    }

    private func executeStorage(_ index: Int) {
        guard !places[index].isDiskHeld else { return }
        let requests = places[index].requests
        places[index].requests = []
        let isSlicing = places[index].storage?.isWritingSnapshot == true && !places[index].isSnapshotHeld
        guard !requests.isEmpty || isSlicing else { return }
        var completions = places[index].storage?.execute(requests) ?? []
        if !places[index].isSnapshotHeld { completions += places[index].storage?.writeSlice() ?? [] }
        for completion in completions { places[index].node?.completed(completion) }
        pump(index)
    }

    private func perform(_ action: NodeAction<Machine>, _ index: Int) {
        switch action {
        case .store(let request): places[index].requests.append(request)
        case .send(let message, let destination): send(message, index, destination)
        case .answer(let request, let result):
            #expect(answers[request] == nil, "a request is answered once")
            answers[request] = result
            answerOrder.append(request)
        case .alarm(let alarm): places[index].alarms.append(alarm)
        case .stop(let reason): places[index].stop = reason
        case .applied(let report): places[index].applied.append(report)
        case .restored(let position, _): places[index].restored.append(position)
        case .joined: break
        }
    }

    private func send(_ message: NodeMessage, _ from: Int, _ destination: NodeDestination) {
        let target =
            switch destination {
            case .replica(let id): places.firstIndex { identity($0) == id }
            case .seed(let seed): places.firstIndex { $0.name == seed.name }
            }
        guard let to = target, !cut.contains([from, to]), carries(from, to, message) else { return }
        messages.append((now + millisecond, to, message.encode()))
    }

    private func identity(_ place: Place) -> ReplicaID? { place.node?.replica?.id ?? place.node?.founding?.replica }

    /// Cuts all links of a node.
    func isolate(_ index: Int) {
        for other in places.indices where other != index {
            cut.insert([index, other])
            cut.insert([other, index])
        }
    }

    /// A batch of another process comes late, as if the node had sent it.
    func deliverLate(_ batch: [UInt8], to index: Int, of sender: ReplicaID) {
        guard let id = replica(index)?.id else { return }
        let message = PeerMessage(
            from: sender,
            to: id,
            time: .resumed(.zero),
            supportedVersion: 1,
            payload: .forward(batch)
        )
        messages.append((now + millisecond, index, NodeMessage.peer(message).encode()))
    }

    // MARK: - Asking

    func submit(_ index: Int, _ commands: [Machine.Command]) -> RequestID {
        nextRequest += 1
        let request = RequestID(nextRequest)
        places[index].node?.submit(commands, request: request)
        pump(index)
        return request
    }

    func read(_ index: Int) -> RequestID {
        nextRequest += 1
        let request = RequestID(nextRequest)
        places[index].node?.read(request: request)
        pump(index)
        return request
    }

    func change(_ index: Int, _ steps: [ConfigurationChange.Step]) -> RequestID {
        nextRequest += 1
        let request = RequestID(nextRequest)
        places[index].node?.change(ConfigurationChange(steps), request: request)
        pump(index)
        return request
    }

    func failure(_ request: RequestID) -> ReplicaFailure? {
        guard case .failure(let failure)? = answers[request] else { return nil }
        return failure
    }

    func outputs(_ request: RequestID) -> [Machine.Output]? {
        guard case .success(.applied(let outputs))? = answers[request] else { return nil }
        return outputs
    }

    // MARK: - Looking

    func replica(_ index: Int) -> Replica<Machine>? { places[index].node?.replica }

    /// The place that leads the latest term.
    var leader: Int? {
        places.indices.filter { replica($0)?.raft.role == .leader }.max { left, right in
            (replica(left)?.raft.term ?? .zero) < (replica(right)?.raft.term ?? .zero)
        }
    }

    /// The nodes that run and do not lead.
    var followers: [Int] {
        places.indices.filter { $0 != leader && places[$0].node != nil }
    }

    /// Waits for a leader that can propose, and returns its place.
    func elected(sourceLocation: SourceLocation = #_sourceLocation) -> Int {
        wait(sourceLocation: sourceLocation) {
            guard let leader, let replica = replica(leader) else { return false }
            return replica.isTimeKnown && replica.raft.commitIndex.rawValue > 0
                && replica.raft.term(at: replica.raft.commitIndex) == replica.raft.term
        }
        return leader ?? 0
    }

    /// All that run have applied the same, and are in the same state.
    func converge(sourceLocation: SourceLocation = #_sourceLocation) {
        let running = places.indices.filter { places[$0].node != nil }
        wait(10_000, sourceLocation: sourceLocation) {
            let indices = running.map { replica($0)?.appliedIndex }
            guard let first = indices.first, first != nil else { return false }
            return indices.allSatisfy { $0 == first }
        }
        let digests = running.map { replica($0)?.machine?.digest }
        #expect(digests.allSatisfy { $0 == digests[0] && $0 != nil }, sourceLocation: sourceLocation)
    }
}

extension TestGroup<Ledger> {
    convenience init(_ count: Int, seed: UInt64 = 1, settings: (inout ReplicaSettings) -> Void = { _ in }) throws {
        try self.init(count, seed: seed, genesis: { Ledger(genesis: $0.genesis) }, settings: settings)
    }

    /// A command that tells how often it was applied: each time it makes another epoch.
    static var rotate: Command { .rotate(secret: Array(repeating: 9, count: 32)) }

    func epoch(_ request: RequestID) -> UInt32? {
        guard case .rotated(let epoch)? = outputs(request)?.first else { return nil }
        return epoch
    }

    func rotations(_ index: Int) -> UInt32? { replica(index)?.machine?.facts.epochs.last.map { $0.number - 1 } }

    /// Submits one rotation, and waits for its answer.
    @discardableResult
    func rotate(_ index: Int, sourceLocation: SourceLocation = #_sourceLocation) -> UInt32? {
        let request = submit(index, [Self.rotate])
        wait(sourceLocation: sourceLocation) { answers[request] != nil }
        return epoch(request)
    }
}
