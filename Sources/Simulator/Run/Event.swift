import Wire

/// What happens next, to whom. What belongs to a process names its boot, and comes to nothing once that process is gone.
enum Event {
    /// A process looks at its clock.
    case tick(node: Int, boot: UInt64)
    /// A message arrives.
    case arrival(from: Int, to: Int, bytes: [UInt8])
    /// A process's gateway looks at its clock.
    case look(node: Int, boot: UInt64)
    /// What a gateway tells another arrives, for the replica that it was meant for.
    case word(from: Int, to: Int, replica: ReplicaID, bytes: [UInt8])
    /// A gateway has as many requests as it can answer.
    case flood(node: Int)
    /// A group of writes is carried out.
    case write(node: Int, boot: UInt64)
    /// The process learns of it.
    case written(node: Int, boot: UInt64)
    /// A machine that is down starts its process.
    case start(node: Int)
    /// A process goes on.
    case resume(node: Int, boot: UInt64)
    /// A disk has room again.
    case roomMade(node: Int)
    /// Links are joined.
    case heal(partition: UInt64)
    /// A kind of fault is due.
    case fault(FaultKind)
    /// A client thinks of something.
    case think(client: Int)
    /// A client waits no longer.
    case giveUp(client: Int, request: UInt64)
    /// An operator sees to the membership.
    case operate
}

/// The kinds of fault, each with a rate of its own in ``FaultRates``.
enum FaultKind: UInt8, CaseIterable {
    case kill, powerCut, blackout, pause, partition, wallJump, drift, diskError, diskFull, flip, wipe
    case change, transfer, compact

    /// Mean nanoseconds between two; 0: never.
    func meanNanoseconds(_ rates: FaultRates) -> UInt64 {
        let milliseconds =
            switch self {
            case .kill: rates.kill
            case .powerCut: rates.powerCut
            case .blackout: rates.blackout
            case .pause: rates.pause
            case .partition: rates.partition
            case .wallJump: rates.wallJump
            case .drift: rates.drift
            case .diskError: rates.diskError
            case .diskFull: rates.diskFull
            case .flip: rates.flip
            case .wipe: rates.wipe
            case .change: rates.change
            case .transfer: rates.transfer
            case .compact: rates.compact
            }
        return milliseconds * 1_000_000
    }
}
