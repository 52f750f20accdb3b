/// Writes one flat JSON object; strings are escaped as RFC 8259 section 7 asks.
struct JSONText {
    private(set) var text = ""
    private var isFirst = true

    mutating func begin() { text += "{" }
    mutating func end() { text += "}" }

    mutating func member(_ name: String, _ value: String) {
        member(name, raw: JSONText.quoted(value))
    }

    mutating func member(_ name: String, _ value: some BinaryInteger) {
        member(name, raw: String(value))
    }

    /// A member whose value is JSON already.
    mutating func member(_ name: String, raw: String) {
        if !isFirst { text += ", " }
        isFirst = false
        text += "\"" + name + "\": " + raw
    }

    static func quoted(_ value: String) -> String {
        var output = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }
}
