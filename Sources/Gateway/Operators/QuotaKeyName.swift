import Ledger
import Settings

/// What a limit counts, as an operator writes it: the ledger itself knows only keyed hashes.
///
///     203.0.113.7        a client, by its address: what the policy's clientPrefix makes of it
///     203.0.113.0/24     a network
///     header:VALUE       a value of the header that a limit counts by
///     all                all requests together
///     hash:32 DIGITS     any key, by its hash, as lists show it that have no other name for it
package enum QuotaKeyName: Hashable, Sendable {
    case client(IPAddress)
    case network(IPPrefix)
    case header(String)
    case all
    case hash(QuotaKey)

    /// Bytes of a header's value at most: as long as a header may be.
    static let headerBytesMax = 8_192

    /// What is wrong, and what to do: one sentence without a full stop.
    package struct Problem: Error, Hashable, Sendable {
        package let explanation: String
    }

    /// Reads a key.
    package init(_ text: String) throws(Problem) {
        if text == "all" {
            self = .all
        } else if text.hasPrefix("header:") {
            self = try Self.header(of: text.dropFirst(7))
        } else if text.hasPrefix("hash:") {
            guard let key = QuotaKey(hexadecimal: text.dropFirst(5)) else {
                throw Problem(explanation: "a hash has 32 hexadecimal digits")
            }
            self = .hash(key)
        } else if text.contains("/") {
            self = .network(try Self.network(of: text))
        } else if let address = IPAddress(text) {
            self = .client(address)
        } else {
            throw Problem(
                explanation: "this is no key: write an address, such as 203.0.113.7, a network, such as "
                    + "203.0.113.0/24, header:VALUE, all, or hash: and 32 hexadecimal digits"
            )
        }
    }

    private static func header(of value: Substring) throws(Problem) -> QuotaKeyName {
        let bytes = value.utf8
        // What a header's value cannot be would be a key that nobody ever has.
        guard (1...headerBytesMax).contains(bytes.count), bytes.first != 0x20, bytes.last != 0x20,
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw Problem(
                explanation: "a header's value has 1 to \(headerBytesMax) bytes, no control characters, and no "
                    + "space at either end"
            )
        }
        return .header(String(value))
    }

    private static func network(of text: String) throws(Problem) -> IPPrefix {
        do throws(IPPrefix.Problem) {
            return try IPPrefix(parsing: text)
        } catch {
            switch error {
            case .notAnAddress: throw Problem(explanation: "the part before the slash is no address")
            case .badLength: throw Problem(explanation: "the part behind the slash is no length of a network's prefix")
            case .hostBitsSet(let meant):
                throw Problem(explanation: "bits behind the prefix are set: write \(meant), or the address alone")
            }
        }
    }
}

extension QuotaKey {
    /// 32 hexadecimal digits, small or large; nil for anything else.
    package init?(hexadecimal digits: some StringProtocol) {
        let utf8 = Array(digits.utf8)
        guard utf8.count == 32, utf8.allSatisfy({ ASCII.hexValue($0) != nil }) else { return nil }
        func word(_ digits: ArraySlice<UInt8>) -> UInt64 {
            digits.reduce(0) { $0 << 4 | UInt64(ASCII.hexValue($1) ?? 0) }
        }
        self.init(high: word(utf8[..<16]), low: word(utf8[16...]))
    }

    /// 32 hexadecimal digits.
    package var hexadecimal: String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
