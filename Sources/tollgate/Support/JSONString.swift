/// Strings as JSON writes them (RFC 8259, section 7), with the quotes.
enum JSONString {
    static func quoted(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            // What moves a cursor or turns the direction of text, too: what is quoted is often read in a terminal.
            case _ where scalar == "\t" || !Terminal.isHarmless(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }
}
