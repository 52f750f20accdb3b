// Lists of networks: `trusted:` of a listener and `clients:` of a match. Elements are prefixes, addresses, the words
// `loopback` and `private`, and for clients also `{ file: bad.txt }` with one prefix a line.

extension Reading {
    /// All networks that a configuration may hold: 32 bytes each.
    private static let prefixLimit = 1_000_000
    /// What a list's file may hold.
    private static let listByteLimit = 8_388_608
    /// Faults that are shown of one file: a file of another kind has one in every line.
    private static let listProblemLimit = 20

    /// The union of the elements; nil if one of them is wrong.
    func prefixes(_ elements: [YAMLValue], place: String, schema: String, keywords: Bool) -> PrefixSet? {
        var all: [IPPrefix] = []
        var sets: [PrefixSet] = []
        var complete = true
        for element in elements {
            switch element.content {
            case .text("loopback", _):
                all += PrefixSet.loopback.prefixes
            case .text("private", _):
                all += PrefixSet.privateNetworks.prefixes
            case .text(let text, _) where !element.isNothing:
                do {
                    all.append(try Self.prefix(text, keywords: true))
                } catch {
                    report(Complaint("\(quoted(place)): \(error.message)", error.remedy), at: element.position)
                    complete = false
                }
            case .mapping where !keywords:
                let fields = Fields(element, place: place, schema: schema + "[]", reading: self)
                if let file = fields?.text("file", example: "{ file: bad.txt }") {
                    let set = clientList(resolve(file), at: element.position)
                    if let set { sets.append(set) } else { complete = false }
                } else {
                    if fields?.has("file") == false { fields?.reportMissing("file", example: "file: bad.txt") }
                    complete = false
                }
                fields?.finish()
            default:
                report(
                    Fields.mismatch(place, "a list of networks", element, "[\"192.0.2.0/24\", loopback]"),
                    at: element.position
                )
                complete = false
            }
        }
        let count = sets.reduce(all.count) { $0 + $1.prefixes.count }
        prefixCount += count
        guard prefixCount <= Self.prefixLimit else {
            // Reported once, where the bound is passed.
            if prefixCount - count <= Self.prefixLimit, let position = elements.first?.position {
                report(
                    Complaint(
                        "the configuration holds more than \(Self.prefixLimit) networks",
                        "join neighbours, or name fewer"
                    ),
                    at: position
                )
            }
            return nil
        }
        guard complete else { return nil }
        // The usual case, one file, shares its array.
        if all.isEmpty, sets.count == 1 { return sets[0] }
        return PrefixSet(sets.reduce(into: all) { $0 += $1.prefixes })
    }

    private static func prefix(_ text: some StringProtocol, keywords: Bool) throws(Complaint) -> IPPrefix {
        do {
            return try IPPrefix(parsing: text)
        } catch {
            switch error {
            case .notAnAddress:
                let words = keywords ? ", `loopback` or `private`" : ""
                throw Complaint(
                    "\(quoted(text)) is not a network",
                    "write it as in `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.7`\(words)"
                )
            case .badLength:
                throw Complaint(
                    "the length of \(quoted(text)) is not one of its family",
                    "use 0 to 32 for IPv4 and 0 to 128 for IPv6"
                )
            case .hostBitsSet(let meant):
                throw Complaint(
                    "\(quoted(text)) has bits set after its length",
                    "write `\(meant)` for the network, or the address alone for the host"
                )
            }
        }
    }

    /// The networks in a file: one a line, `#` begins a comment, empty lines are skipped. Nil if something in it is
    /// wrong.
    private func clientList(_ path: String, at position: Position) -> PrefixSet? {
        if let known = clientLists[path] { return known }
        let list = readClientList(path, at: position)
        clientLists[path] = .some(list)
        return list
    }

    private func readClientList(_ path: String, at position: Position) -> PrefixSet? {
        guard let bytes = readSideFile(path, byteLimit: Self.listByteLimit, at: position) else { return nil }
        var prefixes: [IPPrefix] = []
        var problemCount = 0
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0D].contains($0) }
            let content = line.prefix { $0 != UInt8(ascii: "#") }
            guard let first = content.firstIndex(where: { !isSpace($0) }),
                let last = content.lastIndex(where: { !isSpace($0) })
            else { continue }
            do {
                prefixes.append(
                    try Self.prefix(String(decoding: content[first...last].prefix(200), as: UTF8.self), keywords: false)
                )
            } catch {
                problemCount += 1
                if problemCount <= Self.listProblemLimit {
                    report(error, at: Position(line: index + 1, column: first - line.startIndex + 1), in: path)
                }
            }
            guard prefixes.count <= Self.prefixLimit else {
                report(
                    Complaint("the list holds more than \(Self.prefixLimit) networks", "join neighbours"),
                    at: position
                )
                return nil
            }
        }
        if problemCount > Self.listProblemLimit {
            report(
                Complaint(
                    "the file \(quoted(path)) has \(problemCount - Self.listProblemLimit) further lines that are no networks",
                    "write one network a line"
                ),
                at: position
            )
        }
        guard problemCount == 0 else { return nil }
        if prefixes.isEmpty {
            warn(Complaint("the file \(quoted(path)) names no network", "add one, or remove it"), at: position)
        }
        return PrefixSet(prefixes)
    }
}
