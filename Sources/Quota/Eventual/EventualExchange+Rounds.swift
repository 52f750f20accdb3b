import Ledger
import Wire

/// What is told to the peers, and when.
extension EventualExchange {
    /// A round: to be called every ``EventualSettings/round``, after the loops' journals were handed over.
    public mutating func tick(now: UInt64) {
        let now = max(1, min(now, LedgerTime.maximumNanoseconds))
        for lane in links.indices where links[lane]?.isConnected == true {
            settle(lane, nil, now: now)
            if tell(lane, now: now) == 0 { send(lane, nil, now: now) }
        }
        forget(now: now)
        replaced.removeAll()
    }

    /// What was lost waits again; what was taken, as it is now, waits no more.
    mutating func settle(_ lane: Int, _ receipt: EventualMessage.Receipt?, now: UInt64) {
        guard let fate = links[lane]?.fate(receipt, now: now, settings) else { return }
        for told in fate.taken {
            guard let place = place(told.item.limit), let position = books[place].components.find(told.item.bucket)
            else { continue }
            books[place].components.known(lane, position, told.count)
        }
        for told in fate.lost { queue(told.item, lane) }
        for told in fate.lostStates where isUnknown(told.item, lane) { links[lane]?.states.append(told.item) }
    }

    private func isUnknown(_ item: PeerLink.Item, _ lane: Int) -> Bool {
        guard let place = place(item.limit), let position = books[place].components.find(item.bucket) else {
            return false
        }
        return !books[place].components.isKnown(lane, position)
    }

    /// Tells a peer what waits for it, as much as a round may.
    /// - Returns: how many messages that took.
    @discardableResult
    mutating func tell(_ lane: Int, now: UInt64) -> Int {
        var sent = 0
        while sent < settings.messagesPerRoundMax, links[lane]?.maySend == true, tellPart(lane, now: now) { sent += 1 }
        return sent
    }

    /// Sends one part, if there is something to tell.
    private mutating func tellPart(_ lane: Int, now: UInt64) -> Bool {
        guard let isState = links[lane]?.isInState else { return false }
        let lanes = isState ? links.indices.filter { links[$0]?.greeting.peer != nil } : []
        let bytes = EventualMessage.entryBytes(origins: lanes.count)
        let room = max(1, (settings.messageBytesMax - EventualMessage.overheadBytes) / bytes)
        var told: [PeerLink.Told] = []
        var entries: [EventualMessage.Entry] = []
        // In turns, so that neither keeps the other waiting for long.
        let statesFirst = links[lane]?.isTurnOfStates == true
        while entries.count < room, let item = next(lane, statesFirst: statesFirst) {
            guard let entry = entry(item, lanes, now: now) else { continue }
            told.append(PeerLink.Told(item: item, count: entry.own.count))
            entries.append(entry)
        }
        guard !entries.isEmpty, let sequence = links[lane]?.sending(told, isState: isState, now: now) else {
            return false
        }
        let origins = lanes.compactMap { links[$0].flatMap(EventualMessage.Origin.init) }
        send(
            lane,
            EventualMessage.Part(sequence: sequence, isState: isState, origins: origins, entries: entries),
            now: now
        )
        return true
    }

    /// What waits longest, of what changes or of all there is.
    private mutating func next(_ lane: Int, statesFirst: Bool) -> PeerLink.Item? {
        if statesFirst, let item = nextState(lane) { return item }
        while let item = links[lane]?.queue.popFirst() {
            guard let place = place(item.limit), let position = books[place].components.find(item.bucket) else {
                continue
            }
            // A receipt may have come meanwhile.
            if books[place].components.dequeue(lane, position) { return item }
        }
        return nextState(lane)
    }

    private mutating func nextState(_ lane: Int) -> PeerLink.Item? {
        while let item = links[lane]?.states.popFirst() {
            if isUnknown(item, lane) { return item }
        }
        return nil
    }

    /// A bucket as it is now; nil if it was forgotten.
    private func entry(_ item: PeerLink.Item, _ lanes: [Int], now: UInt64) -> EventualMessage.Entry? {
        guard let place = place(item.limit), let position = books[place].components.find(item.bucket) else {
            return nil
        }
        let own = books[place].components[position]
        let charged = books[place].limit.place(item.bucket, else: own.fallback, mayInsert: false)
        let full = charged.flatMap { $0.place.time(of: $0.bucket) } ?? now.minus(settings.margin)
        return EventualMessage.Entry(
            limit: item.limit,
            bucket: item.bucket,
            fallback: own.fallback,
            ahead: full > now ? Int64(clamping: full - now) : -Int64(clamping: now - full),
            own: own.component,
            heard: lanes.map { books[place].components.heard($0, position) }
        )
    }

    /// Sends a message, which always says what has arrived.
    /// - Parameter address: nil for the boot that is known, or for whoever it is.
    mutating func send(
        _ lane: Int,
        to address: PeerGreeting.Address? = nil,
        _ part: EventualMessage.Part?,
        now: UInt64
    ) {
        guard let peer = links[lane]?.replica, let known = links[lane]?.greeting.address,
            let receipt = links[lane]?.receipt
        else { return }
        let address = address ?? known
        let message = EventualMessage(
            from: replica,
            boot: boot,
            to: address.boot,
            uptime: now.minus(began),
            token: address.token,
            echo: address.echo,
            receipt: address == known ? receipt : .init(latest: 0, taken: 0),
            part: part
        )
        act(.send(peer, message.encode()))
    }
}

extension EventualMessage.Origin {
    fileprivate init?(_ link: PeerLink) {
        guard let boot = link.greeting.peer else { return nil }
        self.init(replica: link.replica, boot: boot)
    }
}
