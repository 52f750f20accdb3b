/// The fields of one mapping, each to be asked for by name; what was never asked for is unknown. Confined to one
/// ``Reading``.
///
/// A getter returns nil where the field is absent or wrong; that it is wrong has then been reported.
final class Fields {
    typealias Position = YAMLValue.Position

    let reading: Reading
    /// What messages call the mapping: `policies.api.work`; empty for the whole file.
    let place: String
    /// What the documentation calls it: `policies.NAME.work`, `listeners[]`. Names that the operator chose and places in
    /// lists are left out.
    let schema: String
    let position: Position
    /// Whether its keys are names that the operator chose.
    private let hasChosenNames: Bool
    private let entries: [String: YAMLValue.Entry]
    /// In the order of asking, for messages.
    private var known: [String] = []

    /// The fields of `value`, nil and a report if it is no mapping.
    init?(
        _ value: YAMLValue,
        place: String,
        schema: String,
        chosenNames: Bool = false,
        reading: Reading,
        example: String? = nil
    ) {
        guard case .mapping(let entries) = value.content else {
            reading.report(Self.mismatch(place, "a mapping", value, example ?? "{ field: value }"), at: value.position)
            return nil
        }
        self.reading = reading
        self.place = place
        self.schema = schema
        hasChosenNames = chosenNames
        position = value.position
        self.entries = Dictionary(entries.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Says that `value` is of another kind than wanted.
    static func mismatch(_ place: String, _ wanted: String, _ value: YAMLValue, _ example: String) -> Complaint {
        let name = place.isEmpty ? "the file" : quoted(place)
        let remedy =
            value.isNothing && !place.isEmpty ? "give it a value, or remove it" : "write it as in `\(example)`"
        return Complaint("\(name) must be \(wanted), found \(value.kind)", remedy)
    }

    /// The full name of a field.
    func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    /// What the documentation calls a field.
    func schema(_ name: String) -> String {
        let name = hasChosenNames ? "NAME" : name
        return schema.isEmpty ? name : "\(schema).\(name)"
    }

    /// The value of a field, whatever it is.
    func value(_ name: String) -> YAMLValue? {
        reading.askedFields?.insert(schema(name))
        if !known.contains(name) { known.append(name) }
        return entries[name]?.value
    }

    /// Whether the field is there.
    func has(_ name: String) -> Bool { value(name) != nil }

    /// Where a field's name stands; where the mapping begins if there is no such field.
    func position(of name: String) -> Position { entries[name]?.position ?? position }

    /// Where a field's value stands; where the mapping begins if there is no such field.
    func valuePosition(of name: String) -> Position { entries[name]?.value.position ?? position }

    /// Reports a fault of a field's value, or of the mapping if there is no such field.
    func report(_ name: String, _ message: String, _ remedy: String) {
        reading.report(Complaint(message, remedy), at: valuePosition(of: name))
    }

    /// Reports a doubt about a field's value, or about the mapping if there is no such field.
    func warn(_ name: String, _ message: String, _ remedy: String) {
        reading.warn(Complaint(message, remedy), at: valuePosition(of: name))
    }

    /// Reports that a field without a default is not there.
    func reportMissing(_ name: String, example: String) {
        let owner = place.isEmpty ? "the file" : quoted(place)
        reading.report(Complaint("\(owner) has no `\(name)`", "add `\(example)`"), at: position)
    }

    /// Reports every field that was never asked for. To be called once, after the last getter.
    func finish() {
        for name in names where !known.contains(name) {
            guard let entry = entries[name] else { continue }
            let remedy: String
            if let meant = nearest(to: entry.key, among: known.filter { entries[$0] == nil }) {
                remedy = "did you mean `\(meant)`?"
            } else {
                remedy = "known here: " + known.map { "`\($0)`" }.joined(separator: ", ")
            }
            let owner = place.isEmpty ? "" : " in \(quoted(place))"
            reading.report(Complaint("unknown field \(quoted(entry.key))\(owner)", remedy), at: entry.position)
        }
    }

    /// The names of all fields in the file's order, for mappings whose keys are names that the operator chose.
    var names: [String] {
        entries.values.sorted { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) }.map(
            \.key
        )
    }
}
