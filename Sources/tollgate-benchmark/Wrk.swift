/// The load: wrk from Debian, which keeps a fixed number of connections busy with one request after the other.
struct Wrk {
    /// What one run has done.
    struct Run {
        let requests: UInt64
        let seconds: Double
    }

    let connections: Int
    let folder: TemporaryFolder

    /// Runs it against a port for some seconds. A response other than 2xx or 3xx, or a broken connection, is an error:
    /// the contenders would no longer do the same work.
    func run(port: UInt16, path: String = "/", seconds: Int) throws(BenchmarkError) -> Run {
        let output = "\(folder.path)/wrk.txt"
        let process = try ChildProcess(
            "wrk",
            ["-t", "1", "-c", "\(connections)", "-d", "\(seconds)s", "http://127.0.0.1:\(port)\(path)"],
            output: output
        )
        let status = try process.wait(secondsMax: seconds + 30)
        let text = File.read(output) ?? ""
        guard status == 0 else { throw BenchmarkError("wrk ended with status \(status); it said:\n\(text)") }
        return try Self.parse(text)
    }

    /// Reads wrk's report, of which these lines matter:
    ///
    ///       123456 requests in 3.00s, 20.03MB read
    ///       Socket errors: connect 0, read 0, write 0, timeout 0
    ///       Non-2xx or 3xx responses: 7
    static func parse(_ text: String) throws(BenchmarkError) -> Run {
        var run: Run?
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "Socket" || words.first == "Non-2xx" {
                throw BenchmarkError("not every request was served: \(words.joined(separator: " "))")
            }
            if words.count > 3, words[1] == "requests", words[2] == "in", let requests = UInt64(words[0]) {
                run = seconds(words[3]).map { Run(requests: requests, seconds: $0) }
            }
        }
        guard let run, run.requests > 0, run.seconds > 0 else {
            throw BenchmarkError("cannot read the report of wrk:\n\(text)")
        }
        return run
    }

    /// `3.00s,` or `1.02m,`: wrk gives long times in minutes.
    private static func seconds(_ word: Substring) -> Double? {
        let word = word.hasSuffix(",") ? word.dropLast() : word
        switch word.last {
        case "s": return word.hasSuffix("ms") ? nil : Double(word.dropLast())
        case "m": return Double(word.dropLast()).map { $0 * 60 }
        default: return nil
        }
    }
}
