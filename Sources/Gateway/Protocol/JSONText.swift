/// Writes one flat JSON object; strings are escaped as RFC 8259 section 7 asks.
package struct JSONText {
    package private(set) var text = ""
    private var isFirst = true

    package init() {}

    package mutating func begin() { text += "{" }
    package mutating func end() { text += "}" }

    package mutating func member(_ name: String, _ value: String) {
        member(name, raw: JSONText.quoted(value))
    }

    package mutating func member(_ name: String, _ value: some BinaryInteger) {
        member(name, raw: String(value))
    }

    /// A member whose value is JSON already.
    package mutating func member(_ name: String, raw: String) {
        if !isFirst { text += ", " }
        isFirst = false
        text += "\"" + name + "\": " + raw
    }

    package static func quoted(_ value: String) -> String {
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
