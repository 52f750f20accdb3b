import Ledger
import TestSupport
import Testing
import Wire

@testable import Quota

/// Bytes of whoever.
@Suite struct HostileEventualTests {
    private func message(_ random: inout Seeded) -> EventualMessage {
        let origins = (0..<random.below(4)).map { EventualMessage.Origin(replica: .test(Int($0)), boot: random.next()) }
        let entries = (0..<random.below(5)).map { _ in
            let count = random.next()
            return EventualMessage.Entry(
                limit: LimitID(rawValue: UInt32(random.below(3))),
                bucket: random.oneIn(9) ? .shared : EventualBucketID(.test(random.next()), .own),
                fallback: random.oneIn(2) ? .shared : EventualBucketID(.test(random.next()), .fallback),
                ahead: random.pick([0, 1, -1, .min, .max, Int64(bitPattern: random.next())]),
                own: Component(count: count, units: random.oneIn(2) ? count : random.below(count)),
                heard: origins.map { _ in random.next() }
            )
        }
        return EventualMessage(
            from: .test(1),
            boot: random.next() | 1,
            to: 5,
            uptime: random.next(),
            token: UInt32(random.below(3)),
            echo: UInt32(random.below(3)),
            receipt: .init(latest: random.pick([0, 1, 64, random.next()]), taken: random.next()),
            part: random.oneIn(5)
                ? nil
                : .init(sequence: random.next() | 1, isState: random.oneIn(2), origins: origins, entries: entries)
        )
    }

    @Test func whatIsWrittenIsRead() throws {
        var random = Seeded(seed())
        for _ in 0..<runs(50) {
            let message = message(&random)
            let bytes = message.encode()
            #expect(try EventualMessage(decoding: bytes) == message)
            for length in 0..<bytes.count {
                #expect(throws: EventualMessageError.self) { try EventualMessage(decoding: Array(bytes[..<length])) }
                if length > 200 { break }
            }
            #expect(throws: EventualMessageError.malformed(.trailingBytes(count: 1))) {
                try EventualMessage(decoding: bytes + [0])
            }
        }
    }

    @Test func anyBytesAreReadOrRefused() {
        var random = Seeded(seed())
        let limits = EventualLimits().revised([facts([(second, 20), (1, 1 << 62)], maxKeys: 5)], now: 1)
        var exchange = EventualExchange(replica: .test(0), boot: 5, limits: limits, now: 1)
        exchange.peerConnected(.test(1), now: 1)
        var taken = 0
        for round in 0..<runs(3_000) {
            var message = message(&random)
            // Whoever is trusted may still send any numbers.
            if random.oneIn(2) { (message.boot, message.echo) = (77, 1) }
            var bytes = message.encode()
            if random.oneIn(2) {
                for _ in 0...random.below(4) {
                    bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(random.below(256))
                }
            }
            let now = random.oneIn(10) ? random.next() : UInt64(round) * 10 * millisecond
            do {
                try exchange.received(bytes, from: .test(1), now: now)
                taken += 1
            } catch {}
            if random.oneIn(20) { exchange.tick(now: now) }
            _ = exchange.takeActions()
        }
        #expect(taken > 100)
        let count = limits.limit(LimitID(rawValue: 1))?.count ?? 0
        #expect(count <= 6)
    }

    @Test func whatCannotBeIsSaid() {
        var random = Seeded(1)
        var message = message(&random)
        message.part = nil
        message.boot = 0
        #expect(throws: EventualMessageError.invalid(field: "boot")) { try EventualMessage(decoding: message.encode()) }
        message.boot = 1
        var bytes = message.encode()
        bytes[0] = 9
        #expect(throws: EventualMessageError.unknownVersion(9)) { try EventualMessage(decoding: bytes) }
        #expect(throws: EventualMessageError.tooLarge(bytes: 65_537)) {
            try EventualMessage(decoding: Array(repeating: 1, count: 65_537))
        }
        let limits = EventualLimits().revised([facts([(second, 20)])], now: 1)
        var exchange = EventualExchange(replica: .test(0), boot: 5, limits: limits, now: 1)
        exchange.peerConnected(.test(2), now: 1)
        #expect(throws: EventualMessageError.otherSender) {
            try exchange.received(message.encode(), from: .test(2), now: 1)
        }
    }
}
