import Ledger
import Quota
import TestSupport

/// The way to the ledger and back.
extension WorldNode {
    /// Asks for a command to be applied, in whatever weather there is.
    func submit(
        _ command: Command,
        then: @escaping (WorldNode, Result<CommandResult, LedgerUnavailable>) -> Void
    ) {
        let weather = world.weather
        if !weather.hasQuorum { return later(10 * millisecond) { then($0, .failure(.noQuorum)) } }
        if world.random.perMille(weather.overloaded) {
            return later(millisecond) { then($0, .failure(.overloaded)) }
        }
        sequence += 1
        let (session, sequence) = (session, sequence)
        outstanding.insert(sequence)
        let sequenced = SequencedCommand(
            session: session,
            sequence: sequence,
            floor: outstanding.min() ?? sequence,
            command: command
        )
        let isLost = world.random.perMille(weather.lost)
        if isLost {
            later(300 * millisecond) { node in
                if node.session == session { node.outstanding.remove(sequence) }
                then(node, .failure(.noQuorum))
            }
            if world.random.oneIn(2) { return }
        }
        let arrival = world.travel() + (isLost && world.random.oneIn(2) ? world.random.below(3 * second) : 0)
        if world.random.perMille(weather.repeated) {
            world.plan(after: arrival + world.random.below(second)) { [world] in _ = world.apply(sequenced) }
        }
        let boot = boot
        // A command is on its way also when its node has ended.
        world.plan(after: arrival) { [unowned self] in
            let result = world.applyCounting(sequenced)
            if isLost || boot != self.boot { return }
            var delay = world.travel()
            if world.random.perMille(weather.late) {
                delay += weather.lateness - world.random.below(weather.lateness / 8)
            }
            later(delay) { node in
                if node.session == session { node.outstanding.remove(sequence) }
                then(node, .success(result))
            }
        }
    }
}
