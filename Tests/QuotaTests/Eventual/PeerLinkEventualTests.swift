import Ledger
import Testing

@testable import Quota

/// What is kept of one peer.
@Suite struct PeerLinkEventualTests {
    private var link = PeerLink(replica: .test(1), boot: 5, after: (0, 0), now: second)
    private let settings = EventualSettings()

    private func told(_ key: UInt64) -> PeerLink.Told {
        let item = PeerLink.Item(limit: LimitID(rawValue: 1), bucket: EventualBucketID(.test(key), .own))
        return PeerLink.Told(item: item, count: key)
    }

    private func lost(_ fate: PeerLink.Fate) -> [UInt64] { fate.lost.map(\.count) }

    @Test mutating func aPartIsTakenOnceInAnyOrderIfItIsOfLate() {
        var taken = [5, 3, 5, 3, 4].map { link.take($0, isWhole: true, mayBeLate: true) }
        #expect(taken == [true, true, false, false, true])
        taken = [2, 6, 1].map { link.take($0, isWhole: true, mayBeLate: false) }
        #expect(taken == [false, true, false], "the past is not taken, what is next is")
        taken = [100, 36, 37].map { link.take($0, isWhole: true, mayBeLate: true) }
        #expect(taken == [true, false, true], "of more than 64 parts ago nobody knows whether it was taken")
        #expect(link.receipt.latest == 100 && link.receipt.taken == 1 << 63 | 1)
    }

    @Test mutating func whatWasSentLongBeforeTheLastIsOfThePast() {
        let heard = [10 * second, 9 * second, 8 * second, 11 * second].map {
            link.heard(uptime: $0, now: 2 * second, settings)
        }
        #expect(heard == [true, true, false, true])
    }

    @Test mutating func aReceiptSaysWhatBecameOfParts() {
        for key in 1...4 as ClosedRange<UInt64> { _ = link.sending([told(key)], isState: false, now: second) }
        // The second did not arrive, and of the fourth nothing is known.
        let fate = link.fate(.init(latest: 3, taken: 0b101), now: second, settings)
        #expect(fate.taken.map(\.count) == [1, 3])
        #expect(lost(fate) == [2])
        let later = second + settings.resend
        #expect(lost(link.fate(nil, now: later - 1, settings)).isEmpty)
        #expect(lost(link.fate(nil, now: later, settings)) == [4])
        #expect(lost(link.fate(nil, now: later, settings)).isEmpty, "it is told again once")
        #expect(link.fate(.init(latest: 4, taken: 1), now: later, settings).taken.map(\.count) == [4])
    }

    @Test mutating func whatIsNotHeardWholeIsNotAcknowledged() {
        var heard = link.take(3, isWhole: false, mayBeLate: true)
        #expect(heard && link.receipt.latest == 0)
        heard = link.take(4, isWhole: true, mayBeLate: true)
        #expect(heard)
        heard = link.take(3, isWhole: false, mayBeLate: true)
        #expect(heard && link.receipt.latest == 4 && link.receipt.taken == 1)
        heard = link.take(3, isWhole: true, mayBeLate: true)
        #expect(heard)
        heard = link.take(3, isWhole: true, mayBeLate: true)
        #expect(!heard)
    }

    /// States are given more time than changes, and do not keep these waiting.
    @Test mutating func changesBehindAStateAreToldAgainInTheirTime() {
        _ = link.sending([told(1)], isState: true, now: second)
        _ = link.sending([told(2)], isState: false, now: second)
        var fate = link.fate(nil, now: second + settings.resend, settings)
        #expect(lost(fate) == [2] && fate.lostStates.isEmpty)
        fate = link.fate(nil, now: second + settings.resendState, settings)
        #expect(lost(fate).isEmpty && fate.lostStates.map(\.count) == [1])
    }

    @Test mutating func thereIsABoundOfPartsOnTheirWay() {
        link.isConnected = true
        #expect(link.greeting.received(from: 7, to: 5, token: 1, echo: 1) == .adopted)
        for _ in 0..<PeerLink.flightsMax {
            #expect(link.maySend)
            _ = link.sending([told(1)], isState: false, now: second)
        }
        #expect(!link.maySend)
        _ = link.fate(nil, now: second + settings.resend, settings)
        #expect(link.maySend)
    }

    /// A boot is the peer when it repeats the token that it was given, and not before.
    @Test func aBootThatEndedIsNotTakenForTheLivingOne() {
        var greeting = PeerGreeting(boot: 5, lastToken: 0)
        #expect(greeting.address == .init(boot: 0, token: 1, echo: 0))
        #expect(greeting.received(from: 7, to: 5, token: 1, echo: 1) == .adopted)
        #expect(greeting.received(from: 7, to: 5, token: 1, echo: 1) == .known)
        // The peer began anew, and shows itself.
        let asked = PeerGreeting.Address(boot: 8, token: 2, echo: 1)
        #expect(greeting.received(from: 8, to: 0, token: 1, echo: 0) == .stranger(asked))
        #expect(greeting.received(from: 8, to: 5, token: 1, echo: 2) == .adopted)
        // A message of the boot before comes late, and asks for what it had: nobody answers the question.
        #expect(greeting.received(from: 7, to: 5, token: 1, echo: 1) == .stranger(.init(boot: 7, token: 3, echo: 1)))
        #expect(greeting.received(from: 7, to: 5, token: 1, echo: 2) == .stranger(.init(boot: 7, token: 3, echo: 1)))
        #expect(greeting.peer == 8)
        #expect(greeting.received(from: 8, to: 5, token: 1, echo: 2) == .known)
        // For another boot of this node's, or with an old token: it is the peer, but does not know who it speaks to.
        #expect(greeting.received(from: 8, to: 4, token: 9, echo: 2) == .stranger(nil))
        #expect(greeting.received(from: 8, to: 5, token: 1, echo: 1) == .stranger(nil))
        #expect(greeting.address == .init(boot: 8, token: 2, echo: 1))
    }

    /// Both show themselves at the same time.
    @Test func twoThatBeginAtOnceFindEachOther() {
        var left = PeerGreeting(boot: 5, lastToken: 0)
        var right = PeerGreeting(boot: 6, lastToken: 0)
        var (toRight, toLeft) = (left.address, right.address)
        for _ in 0..<4 {
            let atLeft = left.received(from: 6, to: toLeft.boot, token: toLeft.token, echo: toLeft.echo)
            let atRight = right.received(from: 5, to: toRight.boot, token: toRight.token, echo: toRight.echo)
            toRight = if case .stranger(let address?) = atLeft { address } else { left.address }
            toLeft = if case .stranger(let address?) = atRight { address } else { right.address }
        }
        #expect(left.peer == 6 && right.peer == 5)
        #expect(left.received(from: 6, to: 5, token: toLeft.token, echo: toLeft.echo) == .known)
    }
}
