import Testing

@testable import Gateway

@Suite struct TimestampTests {
    @Test func itsText() {
        #expect(Timestamp(seconds: 0, milliseconds: 7).text == "1970-01-01T00:00:00.007Z")
        #expect(Timestamp(seconds: 1_709_210_096, milliseconds: 123).text == "2024-02-29T12:34:56.123Z")
    }

    @Test func timePasses() {
        let time = Timestamp(seconds: 10, milliseconds: 900)
        let later = time.advanced(byNanoseconds: 1_200_000_000)
        #expect(later == Timestamp(seconds: 12, milliseconds: 100))
        #expect(time.milliseconds(to: later) == 1_200)
        #expect(later.milliseconds(to: time) == -1_200)
        // As long as a limit may take: no overflow.
        #expect(time.advanced(byNanoseconds: .max).seconds > 18_000_000_000)
    }
}
