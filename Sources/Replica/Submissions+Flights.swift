import Ledger
import Raft
import Wire

// From the waiting to the result: batches, how they are sent, and what the log says of them.
extension Submissions {
    // MARK: - Flying

    /// Whether a session is to be opened.
    var needsSession: Bool { session == nil && opening == nil }

    /// Makes the opening of a session fly.
    mutating func openSession() {
        let command = Machine.openSession(owner: owner)
        opening = Flight(
            sequence: nil,
            items: [],
            isAnswered: [],
            unanswered: 0,
            bytes: Machine.encode([command], session: SessionID(rawValue: 0), sequence: boot, floor: 0)
        )
    }

    /// Makes batches of what waits, as many as may fly.
    mutating func launch() {
        while let session, flights.count < settings.batchesInFlightMax, let first = waiting.first {
            // What remains of a request follows once what went before has been applied: they keep their order.
            if first.place > 0, requests[Int(first.request - firstNumber)].inFlight > 0 { return }
            let floor = flights.compactMap { $0.firstUnanswered }.min() ?? nextSequence
            var room = min(
                Int(settings.sessionWindow - min(nextSequence - floor, settings.sessionWindow)),
                settings.batchCommandsMax
            )
            var items: [Item] = []
            var bytes = 0
            while room > 0, let next = waiting.first,
                items.isEmpty || bytes + next.bytes <= settings.batchBytesMax
            {
                waiting.removeFirst()
                items.append(next)
                bytes += next.bytes
                room -= 1
                requests[Int(next.request - firstNumber)].inFlight += 1
            }
            guard !items.isEmpty else { return }
            flights.append(
                Flight(
                    sequence: nextSequence,
                    items: items,
                    isAnswered: Array(repeating: false, count: items.count),
                    unanswered: items.count,
                    bytes: Machine.encode(
                        items.map { $0.command },
                        session: session,
                        sequence: nextSequence,
                        floor: floor
                    )
                )
            )
            nextSequence += UInt64(items.count)
        }
    }

    /// Where something flies: the opening of the session before all others.
    var flightPlaces: Range<Int> { (opening == nil ? 0 : -1)..<flights.count }

    /// How it went off the last time.
    func sent(at place: Int) -> Sent? { place < 0 ? opening?.sent : flights[place].sent }

    /// As it is sent.
    func bytes(at place: Int) -> [UInt8] { place < 0 ? opening?.bytes ?? [] : flights[place].bytes }

    /// It went off.
    mutating func wasSent(_ sent: Sent, at place: Int) {
        if place < 0 { opening?.sent = sent } else { flights[place].sent = sent }
    }

    // MARK: - What the log says

    /// A batch was applied, by this replica, at this moment of the log.
    mutating func applied(_ batch: Machine.Batch, _ outputs: [Machine.Output]) {
        var isClosed = false
        for place in 0..<Machine.count(of: batch) {
            switch Machine.origin(of: place, in: batch) {
            case .opening(owner, let number):
                // The earlier one was closed by it, whoever sent it.
                guard let opened = Machine.openedSession(outputs[place]) else { continue }
                closed()
                isClosed = false
                if number == boot {
                    session = opened
                    opening = nil
                }
            case .opening: break
            case .session(let of, let sequence):
                guard of == session else { continue }
                switch Machine.rejection(outputs[place]) {
                case .unknownSession?: isClosed = true
                // It can come again once others are answered.
                case .tooManyUnacknowledged?: break
                default: deliver(outputs[place], sequence)
                }
            }
        }
        if isClosed { closed() }
    }

    /// A leader's snapshot took the place of a part of the log.
    /// - Parameter session: the owner's session in it.
    mutating func restored(_ session: SessionID?) {
        if let own = self.session, own == session {
            // What was applied meanwhile is answered by the kept results, if the session lives until then.
            for place in flights.indices {
                flights[place].sent = nil
                flights[place].mayBeApplied = true
            }
            return
        }
        if self.session != nil {
            for flight in flights {
                for (place, item) in flight.items.enumerated() where !flight.isAnswered[place] && isLive(item.request) {
                    requests[Int(item.request - firstNumber)].failure = .unknown
                }
            }
            forgetFinished()
        }
        closed()
        opening = nil
    }

    /// The session is closed: nothing of it that was not seen applied ever will be, but what was applied unseen was.
    private mutating func closed() {
        session = nil
        nextSequence = 0
        var isUnknown = false
        for flight in flights.reversed() {
            for (place, item) in flight.items.enumerated().reversed() where !flight.isAnswered[place] {
                waiting.prepend(item)
                requests[Int(item.request - firstNumber)].inFlight -= 1
                guard flight.mayBeApplied, isLive(item.request) else { continue }
                requests[Int(item.request - firstNumber)].failure = .unknown
                isUnknown = true
            }
        }
        flights = []
        if isUnknown { forgetFinished() }
    }

    private mutating func deliver(_ output: Machine.Output, _ sequence: UInt64) {
        guard
            let flight = flights.firstIndex(where: { flight in
                guard let first = flight.sequence, sequence >= first else { return false }
                return sequence - first < UInt64(flight.items.count)
            }), let first = flights[flight].sequence
        else { return }
        let place = Int(sequence - first)
        guard !flights[flight].isAnswered[place] else { return }
        flights[flight].isAnswered[place] = true
        flights[flight].unanswered -= 1
        let item = flights[flight].items[place]
        forget(item)
        let request = Int(item.request - firstNumber)
        requests[request].inFlight -= 1
        requests[request].outputs[item.place] = output
        requests[request].unanswered -= 1
        if flights[flight].unanswered == 0 { flights.remove(at: flight) }
    }
}
