import FoundationEssentials
import Testing

@testable import Gateway

/// The last refusals, found by request id.
@Suite struct RefusalHistoryTests {
    @Test func theLastOnesAreKept() {
        var ring = RefusalRing(capacity: 3)
        for number in 1...5 { ring.add(.example(requestID: "\(number)")) }
        #expect(ring.count == 3)
        for number in 1...5 { #expect((ring["\(number)"] != nil) == (number > 2)) }
    }

    @Test func ofTwoWithOneIDTheLaterIsFound() {
        var ring = RefusalRing(capacity: 2)
        ring.add(.example(requestID: "a", path: "/first"))
        ring.add(.example(requestID: "a", path: "/second"))
        #expect(ring["a"].map { text($0.path) } == "/second")
        // The first falls out of the ring, and takes no other's place with it.
        ring.add(.example(requestID: "b"))
        #expect(ring["a"].map { text($0.path) } == "/second")
        ring.add(.example(requestID: "c"))
        #expect(ring["a"] == nil)
        #expect(ring["b"] != nil)
    }

    @Test func whatIsShownAgainDoesNotReplaceWhatWasDecided() {
        var ring = RefusalRing(capacity: 9)
        ring.add(.example(requestID: "a", purpose: "check", path: "/checked"))
        ring.add(.example(requestID: "a", purpose: "refusal", path: "/shown"))
        ring.add(.example(requestID: "b", purpose: "refusal", path: "/shown"))
        #expect(ring["a"].map { text($0.path) } == "/checked")
        #expect(ring["b"].map { text($0.path) } == "/shown")
    }

    @Test func manyRefusalsLeaveTheRingAndItsIndexConsistent() {
        var generator = SeededGenerator(seed: 3)
        var ring = RefusalRing(capacity: 7)
        var added: [String] = []
        for _ in 0..<2_000 {
            let id = "\(generator.below(12))"
            added.append(id)
            ring.add(.example(requestID: id))
            let kept = Set(added.suffix(7))
            for id in 0..<12 { #expect((ring["\(id)"] != nil) == kept.contains("\(id)")) }
        }
    }

    // MARK: JSON

    private struct Document: Decodable {
        struct Limit: Decodable {
            let name: String
            let remaining: Int
        }
        let requestID: String
        let secondsAgo: Int
        let path: String
        let detail: String
        let enforced: Bool
        let limit: Limit
        let clearsAt: String?
        let clearsInSeconds: Int?

        enum CodingKeys: String, CodingKey {
            case path, detail, enforced, limit
            case requestID = "request_id"
            case secondsAgo = "seconds_ago"
            case clearsAt = "clears_at"
            case clearsInSeconds = "clears_in_seconds"
        }
    }

    private func document(_ record: RefusalRecord, at seconds: Int, _ milliseconds: Int = 0) throws -> Document {
        let json = record.json(now: Timestamp(seconds: seconds, milliseconds: milliseconds))
        #expect(json.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        return try JSONDecoder().decode(Document.self, from: Data(json.utf8))
    }

    @Test func whenItClearsIsToldFromTheTimeOfTheQuestion() throws {
        let record = RefusalRecord.example()
        let atOnce = try document(record, at: 1_000)
        #expect((atOnce.clearsInSeconds, atOnce.secondsAgo) == (4, 0))
        #expect(atOnce.clearsAt == "1970-01-01T00:16:44.000Z")
        #expect((atOnce.limit.name, atOnce.limit.remaining) == ("free-2", 0))
        // Rounded up: earlier would not do.
        #expect(try document(record, at: 1_002, 999).clearsInSeconds == 2)
        #expect(try document(record, at: 1_003, 1).clearsInSeconds == 1)
        let later = try document(record, at: 1_060)
        #expect((later.clearsInSeconds, later.secondsAgo) == (0, 60))
        // A clock that was set back.
        #expect(try document(record, at: 900).secondsAgo == 0)
    }

    @Test func whatNeverClearsSaysSoByItsAbsence() throws {
        let never = try document(.example(clearsAfterNanoseconds: nil), at: 1_000)
        #expect(never.clearsAt == nil)
        #expect(never.clearsInSeconds == nil)
    }

    @Test(arguments: ["/\u{1B}[2J\n\"\\", "/\u{202E}日本"]) func anybodysTextIsEscaped(_ path: String) throws {
        let document = try document(.example(requestID: path, path: path, detail: path), at: 1_000)
        #expect((document.requestID, document.path, document.detail) == (path, path, path))
    }
}
