import Raft
import Testing
import Wire

@testable import Cluster
@testable import Replica

/// What a node's operator is told, and when it is over.
@Suite struct AlarmBookTests {
    @Test func aDamagedLogIsAnAlarmUntilTheNodeIsAMember() {
        var alarms = AlarmBook()
        #expect(alarms.admitted() == nil, "nothing was wrong")
        let (text, isOver) = alarms.take(.damaged("damaged at byte 512."))
        #expect(text.contains("tollgate cluster replace") && !isOver)
        #expect(alarms.texts == [text])
        let end = alarms.admitted()
        #expect(end?.isOver == true && end?.text.contains("damaged-<number>") == true)
        #expect(alarms.texts == [] && alarms.admitted() == nil)
    }

    @Test func allThatIsWrongWithAFoundingIsSaidAndNothingThatWas() {
        var alarms = AlarmBook()
        let differing = FoundingAlarm.seedsDiffer(
            node: "c",
            onlyHere: [],
            onlyThere: [FoundingSeed(name: "c", address: "c:1")]
        )
        for alarm in [differing, .disputed(["b"]), .silent(["d"])] {
            let (text, isOver) = alarms.take(.founding(alarm))
            #expect(text == alarm.explanation && !isOver)
        }
        let (full, _) = alarms.take(.replica(.diskFull(true)))
        alarms.keepFounding([differing, .silent(["d"]), .disputed(["b"])])
        #expect(
            alarms.texts == [
                full, differing.explanation, FoundingAlarm.silent(["d"]).explanation,
                FoundingAlarm.disputed(["b"]).explanation,
            ]
        )
        alarms.keepFounding([.silent(["d"])])
        #expect(alarms.texts == [full, FoundingAlarm.silent(["d"]).explanation])
        alarms.keepFounding([])
        #expect(alarms.texts == [full])
    }
}
