import Raft
import Simulator
import TestSupport
import Testing

@Suite struct EventQueueTests {
    @Test func eventsComeInTheOrderOfTimeAndThenOfArrival() {
        var generator = Xoshiro256(seed: seed())
        for _ in 0..<200 {
            var queue = EventQueue<Int>()
            var expected: [(moment: UInt64, number: Int)] = []
            var number = 0
            for _ in 0..<generator.inRange(0...60) {
                if generator.chance(1, of: 3), !expected.isEmpty {
                    let least = expected.indices.min { (expected[$0].moment, $0) < (expected[$1].moment, $1) }!
                    let next = queue.pop()
                    #expect(next?.moment.nanoseconds == expected[least].moment)
                    #expect(next?.event == expected[least].number)
                    expected.remove(at: least)
                } else {
                    let moment = generator.below(8)
                    queue.push(number, at: Moment(nanoseconds: moment))
                    expected.append((moment, number))
                    number += 1
                }
                #expect(queue.count == expected.count)
                #expect(queue.nextMoment?.nanoseconds == expected.map(\.moment).min())
            }
            expected.sort { ($0.moment, $0.number) < ($1.moment, $1.number) }
            for event in expected { #expect(queue.pop()?.event == event.number) }
            #expect(queue.pop() == nil)
        }
    }
}
