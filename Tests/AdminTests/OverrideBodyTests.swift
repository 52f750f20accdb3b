import Testing

@testable import Admin
@testable import Settings

/// The body of `PUT /v1/overrides/POLICY/KEY`.
@Suite struct OverrideBodyTests {
    private func read(_ text: String) throws(OverrideBody.Problem) -> OverrideBody {
        try OverrideBody(Array(text.utf8))
    }

    @Test func bothKindsAreRead() throws {
        let terms = try FigureText.terms(rate: "600/min", burst: 100)
        #expect(try read(#"{"free": {"rate": "600/min", "burst": 100}}"#) == .free(terms))
        #expect(try read(#"{"free": {"rate": "600/min"}}"#) == .free(try FigureText.terms(rate: "600/min", burst: 10)))
        #expect(try read(#"{"deny": true, "for": "1h"}"#) == .deny(nanoseconds: 3_600_000_000_000))
        #expect(try read(#" {"deny":true} "#) == .deny(nanoseconds: nil))
    }

    @Test(
        arguments: [
            ("", "no JSON object"), ("null", "no JSON object"), ("[]", "no JSON object"), ("{", "no JSON object"),
            (#"{"deny": true}}"#, "no JSON object"), (#"{"deny": true, "#, "no JSON object"), ("{}", "either"),
            (#"{"deny": true, "free": {"rate": "1/s"}}"#, "either"), (#"{"deny": 1}"#, "`deny`"),
            (#"{"deny": false}"#, "`deny`"), (#"{"deny": null}"#, "`deny`"), (#"{"Deny": true}"#, "`Deny`"),
            (#"{"free": "1/s"}"#, "`free`"), (#"{"free": null}"#, "`free`"), (#"{"free": {}}"#, "`free.rate`"),
            (#"{"free": {"rate": null}}"#, "`free.rate`"),
            (#"{"free": {"rate": "1/s", "burst": 1.5}}"#, "`free.burst`"),
            (#"{"free": {"rate": "1/s", "burst": "3"}}"#, "`free.burst`"),
            (#"{"free": {"rate": "1/s", "burst": 1e30}}"#, "`free.burst`"),
            (#"{"free": {"rate": "1/s", "a": 3}}"#, "`a`"), (#"{"free": {"rate": "1/s"}, "for": "1h"}"#, "`for`"),
            (#"{"deny": true, "for": 3}"#, "`for`"), (#"{"deny": true, "for": "1 h"}"#, "duration"),
        ]
    )
    func whatIsWrongIsNamed(_ text: String, _ part: String) {
        #expect {
            try read(text)
        } throws: {
            ($0 as? OverrideBody.Problem)?.explanation.contains(part) == true
        }
    }

    /// Whatever comes is refused or means something, and never ends the process.
    @Test func hostileBodies() {
        for text in [
            String(repeating: "[", count: 16_000), String(repeating: #"{"free":"#, count: 2_000),
            "{\"\(String(repeating: "x", count: 15_000))\": 1}", "{\"\u{0}\": 1}", "\u{FEFF}{}",
        ] {
            #expect(throws: OverrideBody.Problem.self) { try read(text) }
        }
        for byte in UInt8(0)...255 {
            #expect(throws: OverrideBody.Problem.self) { try OverrideBody([byte, byte, byte]) }
        }
    }
}
