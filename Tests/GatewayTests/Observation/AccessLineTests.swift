import FoundationEssentials
import Settings
import Testing

@testable import Gateway

/// Lines of the access log: whole, and nothing in them is a client's but values.
@Suite struct AccessLineTests {
    @Test func aLineAsJSON() {
        let limit = LimitReading(name: "free-2", key: "client", rate: "2/min", burst: 2, remaining: 1)
        #expect(
            RequestRecord.example(limit: limit).line(.json) == """
                {"time":"2026-01-31T12:00:00.000Z","message":"request","purpose":"proxy","request_id":"id-1",\
                "client":"192.0.2.0/24","method":"GET","host":"example.com","path":"/a","listener":"0.0.0.0:8080",\
                "route":"api","policy":"p","verdict":"admitted-free","status":200,"limit":"free-2","burst":2,\
                "remaining":1,"upstream_status":200,"bytes_in":0,"bytes_out":12,"duration_ms":1.234,"end":"complete"}

                """
        )
    }

    @Test func aLineAsText() {
        let record = RequestRecord.example(
            client: nil,
            path: "/a b=c",
            verdict: .wouldRefuse,
            reason: .overLimit,
            price: 1.5,
            status: 0,
            upstreamStatus: 0,
            durationNanoseconds: 2_000_000,
            end: .clientGone
        )
        #expect(
            record.line(.text) == """
                time=2026-01-31T12:00:00.000Z message=request purpose=proxy request_id=id-1 method=GET \
                host=example.com path="/a b=c" listener=0.0.0.0:8080 route=api policy=p verdict=would-refuse \
                reason=over-limit price=1.500 bytes_in=0 bytes_out=12 duration_ms=2 end=client-gone

                """
        )
    }

    private static let hostile = [
        "/\n{\"time\":\"forged\"}", "/\r\n", "/\"", "/\\", "/\u{1B}[2J", "/\u{202E}", "/\u{9B}31m", "/\u{2028}",
        "/\u{7F}\u{0}", "/日本語", "/\u{1F600}", "/a=b c", "/", "/\u{FFFD}",
    ]

    @Test(arguments: hostile, LogSettings.Format.allCases)
    func aLineStaysOneLineOfPrintableASCII(_ path: String, _ format: LogSettings.Format) {
        let line = RequestRecord.example(requestID: path, method: path, host: path, path: path).line(format)
        #expect(line.utf8.filter { $0 == 0x0A }.count == 1)
        #expect(line.hasSuffix("\n"))
        #expect(line.dropLast().utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
    }

    @Test(arguments: hostile) func whatStoodInAValueStandsInTheJSON(_ path: String) throws {
        struct Line: Decodable { let path: String }
        let line = RequestRecord.example(path: path).line(.json)
        let decoded = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
        #expect(decoded.path == path)
    }

    @Test func bytesThatAreNotUTF8BecomeReplacements() throws {
        var quoted: [UInt8] = []
        [0x2F, 0xFF, 0xC3].withUnsafeBufferPointer { LineText.appendQuoted($0, to: &quoted) }
        #expect(text(quoted) == "\"/\\ufffd\\ufffd\"")
    }

    @Test func aLongValueEndsWithAnEllipsis() {
        for character in ["a", "\"", "é", "\u{1F600}"] {
            let line = RequestRecord.example(path: "/" + String(repeating: character, count: 9_000)).line(.json)
            #expect(line.utf8.count < AccessLog.writeBytesMax)
            #expect(line.contains("\\u2026\",\"listener\""))
        }
    }

    @Test func wordsOfVerdictsAreUniqueAndPlain() {
        let own: [RequestVerdict] = [
            .admittedFree, .admittedPass, .admittedCeiling, .allowed, .wouldRefuse, .challenge, .redeemed, .page,
            .preflight, .refusalShown, .abandoned,
        ]
        let words = (own + RefusalKind.allCases.map { .refused($0) }).map(\.word)
        #expect(Set(words).count == words.count)
        #expect(words.allSatisfy { $0.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x2D } })
    }
}
