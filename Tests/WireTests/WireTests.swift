import Testing
import Wire

@Suite struct ByteReaderTests {
    /// One field of each kind.
    private var message: [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(UInt8(0x01))
        writer.write(UInt16(0x0203))
        writer.write(UInt32(0x0405_0607))
        writer.write(UInt64(0x0809_0A0B_0C0D_0E0F))
        writer.write(true)
        writer.write(raw: [0xAA, 0xBB])
        writer.write(lengthPrefixed: [0xCC])
        writer.write(text: "é")
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes)
        let byte = try reader.readUInt8()
        let short = try reader.readUInt16()
        let word = try reader.readUInt32()
        let long = try reader.readUInt64()
        let truth = try reader.readBool()
        let raw = try reader.readBytes(count: 2)
        let prefixed = try reader.readLengthPrefixed(limit: 1)
        let text = try reader.readText(limit: 2)
        #expect(byte == 1 && short == 0x0203 && word == 0x0405_0607 && long == 0x0809_0A0B_0C0D_0E0F && truth)
        #expect(raw == [0xAA, 0xBB] && prefixed == [0xCC] && text == "é")
        try reader.finish()
    }

    @Test func integersAreBigEndianAndTextFollowsItsLength() throws {
        let bytes: [UInt8] = [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1, 0xAA, 0xBB, 0, 0, 0, 1, 0xCC, 0, 0, 0, 2, 0xC3, 0xA9,
        ]
        #expect(message == bytes)
        try read(bytes)
    }

    @Test func everyShorterMessageIsTruncated() {
        for count in 0..<message.count {
            let error = #expect(throws: WireError.self) { try read(Array(message.prefix(count))) }
            guard case .truncated(let needed, let available)? = error else {
                Issue.record("\(count) bytes: \(String(describing: error))")
                continue
            }
            #expect(needed > available)
        }
    }

    @Test func aLongerMessageHasTrailingBytes() {
        #expect(throws: WireError.trailingBytes(count: 1)) { try read(message + [0]) }
    }

    @Test func aSliceIsReadFromItsOwnBeginningToItsOwnEnd() throws {
        var reader = ByteReader([9, 1, 2, 9][1..<3])
        #expect(try reader.readUInt16() == 0x0102)
        try reader.finish()
    }

    @Test func lengthsAboveTheLimitAreRefusedBeforeAnythingIsRead() {
        var reader = ByteReader([0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
        let long = WireError.tooLong(length: 0xFFFF_FFFF, limit: 3)
        #expect(throws: long) { try reader.readLengthPrefixed(limit: 3) }
        #expect(throws: long) { try reader.readText(limit: 3) }
        #expect(throws: long) { try reader.readCount(limit: 3, elementBytes: 1) }
        #expect(reader.remaining == 7)
        // Within the limit but not there.
        #expect(throws: WireError.truncated(needed: 0xFFFF_FFFF, available: 3)) {
            try reader.readLengthPrefixed(limit: .max)
        }
        #expect(throws: WireError.truncated(needed: .max, available: 3)) {
            try reader.readCount(limit: .max, elementBytes: .max)
        }
        #expect(throws: WireError.tooLong(length: 0xFFFF_FFFF, limit: -1)) {
            try reader.readLengthPrefixed(limit: -1)
        }
        #expect(reader.remaining == 7)
    }

    @Test func countsThatTheBytesCannotHoldAreRefused() throws {
        var reader = ByteReader([0, 0, 0, 2, 1, 2, 3, 4])
        #expect(throws: WireError.truncated(needed: 6, available: 4)) {
            try reader.readCount(limit: 10, elementBytes: 3)
        }
        #expect(try reader.readCount(limit: 2, elementBytes: 2) == 2)
        #expect(reader.remaining == 4)
    }

    @Test func aReadThatThrowsLeavesThePosition() {
        var reader = ByteReader([2, 0xFF])
        #expect(throws: WireError.invalidBoolean(2)) { try reader.readBool() }
        #expect(throws: WireError.truncated(needed: 4, available: 2)) { try reader.readUInt32() }
        #expect(reader.remaining == 2)
        var text = ByteReader([0, 0, 0, 2, 0xC3, 0x28])
        #expect(throws: WireError.invalidText) { try text.readText(limit: 8) }
        #expect(text.remaining == 6)
    }

    @Test func surrogatesAndOverlongFormsAreNotText() {
        for bytes: [UInt8] in [[0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80]] {
            var reader = ByteReader([0, 0, 0, UInt8(bytes.count)] + bytes)
            #expect(throws: WireError.invalidText) { try reader.readText(limit: 8) }
        }
    }
}

@Suite struct ByteWriterTests {
    @Test func takingBeginsAnew() {
        var writer = ByteWriter(capacity: -1)
        writer.write(UInt16(7))
        #expect(writer.count == 2)
        #expect(writer.take() == [0, 7])
        #expect(writer.count == 0)
        writer.write(false)
        #expect(writer.take() == [0])
    }
}
