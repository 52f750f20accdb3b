import Testing

@testable import Cluster

/// What may be on its way between two loops.
@Suite struct CrossingBytesTests {
    private func fill(_ crossing: CrossingBytes, bytes: Int) -> Int {
        var entered = 0
        while entered < 1 << 20, crossing.enter(bytes) { entered += 1 }
        return entered
    }

    @Test func shortMessagesCountAsWhatTheyTake() {
        let most = CrossingBytes.bytesPerPeerMax / CrossingBytes.messageBytesMin
        #expect(fill(CrossingBytes(), bytes: 1) == most)
        #expect(fill(CrossingBytes(), bytes: 0) == most)
        let crossing = CrossingBytes()
        _ = fill(crossing, bytes: 1)
        crossing.leave(1)
        #expect(crossing.enter(100))
        #expect(!crossing.enter(1))
    }

    @Test func thereIsRoomForEachPeer() {
        let crossing = CrossingBytes()
        crossing.change(peers: 3)
        #expect(fill(crossing, bytes: 1 << 20) == 6)
        crossing.change(peers: -3)
        #expect(!crossing.enter(1))
        #expect(CrossingBytes().enter(100 << 20), "one may always go")
    }
}
