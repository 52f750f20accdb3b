import FoundationEssentials
import Settings

/// What an operator wants of a key: the body of `PUT /v1/overrides/POLICY/KEY`. A value.
///
///     {"free": {"rate": "600/min", "burst": 100}}      other terms in the key's own buckets of the free limits
///     {"deny": true, "for": "1h"}                      a ban; without `for` for good
enum OverrideBody: Equatable {
    case free(FigureText.Terms)
    /// Nanoseconds from now; nil: for good.
    case deny(nanoseconds: UInt64?)

    /// What is wrong: a sentence without a full stop.
    struct Problem: Error, Equatable {
        let explanation: String
    }

    /// Reads a body, of which the caller has bounded the size.
    init(_ bytes: [UInt8]) throws(Problem) {
        let members: Members
        do {
            members = try JSONDecoder().decode(Members.self, from: Data(bytes))
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(explanation: "the body is no JSON object")
        }
        self = members.body
    }

    /// Reads member by member, so that what is wrong is named.
    private struct Members: Decodable {
        let body: OverrideBody

        init(from decoder: any Decoder) throws {
            let object = try decoder.container(keyedBy: Name.self)
            try Self.check(object, known: ["free", "deny", "for"], of: "the body")
            switch (object.contains("free"), object.contains("deny")) {
            case (true, false):
                guard !object.contains("for") else {
                    throw Problem(explanation: "`for` belongs to `deny`: other terms hold until they are removed")
                }
                body = .free(try Self.free(object))
            case (false, true):
                guard (try? object.decode(Bool.self, forKey: "deny")) == true else {
                    throw Problem(explanation: "`deny` is true, or DELETE ends the ban")
                }
                body = .deny(nanoseconds: try Self.time(object))
            default: throw Problem(explanation: "the body has either `free` or `deny`")
            }
        }

        private static func free(_ object: KeyedDecodingContainer<Name>) throws -> FigureText.Terms {
            guard let free = try? object.nestedContainer(keyedBy: Name.self, forKey: "free") else {
                throw Problem(explanation: "`free` is an object, such as {\"rate\": \"600/min\", \"burst\": 100}")
            }
            try check(free, known: ["rate", "burst"], of: "`free`")
            guard let rate = try? free.decode(String.self, forKey: "rate") else {
                throw Problem(explanation: "`free.rate` is a text, such as \"600/min\"")
            }
            var burst: UInt64?
            if free.contains("burst") {
                guard let number = try? free.decode(UInt64.self, forKey: "burst") else {
                    throw Problem(explanation: "`free.burst` is a whole number, at least 1")
                }
                burst = number
            }
            do throws(FigureText.Problem) {
                return try FigureText.terms(rate: rate, burst: burst)
            } catch {
                throw Problem(explanation: error.explanation)
            }
        }

        private static func time(_ object: KeyedDecodingContainer<Name>) throws -> UInt64? {
            guard object.contains("for") else { return nil }
            guard let text = try? object.decode(String.self, forKey: "for") else {
                throw Problem(explanation: "`for` is a text, such as \"1h\"; without it the ban is for good")
            }
            do throws(FigureText.Problem) {
                return try FigureText.duration(text)
            } catch {
                throw Problem(explanation: error.explanation)
            }
        }

        private static func check(
            _ object: KeyedDecodingContainer<Name>,
            known: Set<String>,
            of place: String
        ) throws {
            let unknown = object.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
            guard let first = unknown.first else { return }
            let shown = first.count > 40 ? first.prefix(40) + "…" : first
            throw Problem(
                explanation: "\(place) has `\(shown)`, which means nothing; known are "
                    + known.sorted().joined(separator: ", ")
            )
        }
    }

    private struct Name: CodingKey, ExpressibleByStringLiteral {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringLiteral value: String) { stringValue = value }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
