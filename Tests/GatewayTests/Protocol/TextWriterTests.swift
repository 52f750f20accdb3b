import Testing

@testable import Gateway

@Suite struct TextWriterTests {
    private func written(room: Int = 64, _ body: (inout TextWriter) -> Void) -> (text: String, isTooLong: Bool) {
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { bytes in
            var writer = TextWriter(bytes)
            body(&writer)
            return (String(decoding: bytes[..<writer.count], as: UTF8.self), writer.isTooLong)
        }
    }

    @Test(
        arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 12_345, 999_999_999_999_999, UInt64.max - 1, UInt64.max]
    ) func numbersAreDecimal(_ number: UInt64) {
        #expect(written { $0.append(number) } == (String(number), false))
    }

    @Test func whatHasNoRoomIsNotWritten() {
        #expect(written(room: 3) { $0.append("abc") } == ("abc", false))
        #expect(written(room: 3) { $0.append("abcd") } == ("", true))
        #expect(written(room: 3) { $0.append(UInt64(1_234)) } == ("", true))
        #expect(written(room: 0) { $0.append(UInt8(ascii: "a")) }.isTooLong)
        #expect(written(room: 0) { $0.append("") } == ("", false))
    }
}
