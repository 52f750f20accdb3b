// Typed getters. Each reports a wrong type or a bad value with the field's full name and an example of a right one.

extension Fields {
    /// A text, as it is.
    func text(_ name: String, example: String) -> String? {
        guard let value = value(name) else { return nil }
        guard case .text(let text, _) = value.content, !value.isNothing else {
            reading.report(Self.mismatch(path(name), "text", value, example), at: value.position)
            return nil
        }
        return text
    }

    /// A text that `parse` understands.
    func parsed<Value>(
        _ name: String,
        example: String,
        _ parse: (String) throws(Complaint) -> Value
    ) -> Value? {
        guard let text = text(name, example: example) else { return nil }
        do {
            return try parse(text)
        } catch {
            reading.report(
                Complaint("\(quoted(path(name))): \(error.message)", error.remedy),
                at: valuePosition(of: name)
            )
            return nil
        }
    }

    /// A text of at most so many bytes without control characters other than line breaks, to be shown to people.
    func prose(_ name: String, byteLimit: Int) -> String? {
        parsed(name, example: "\(name): \"some words\"") { text throws(Complaint) in
            guard text.utf8.count <= byteLimit else {
                throw Complaint("the text is \(text.utf8.count) bytes long", "use at most \(byteLimit)")
            }
            guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control || $0 == "\n" }) else {
                throw Complaint("the text holds a control character", "remove it")
            }
            return text
        }
    }

    /// A whole number within bounds: plain decimal digits.
    func integer<Number: FixedWidthInteger>(_ name: String, in range: ClosedRange<Number>) -> Number? {
        guard let value = value(name) else { return nil }
        guard case .text(let text, let isPlain) = value.content, !value.isNothing else {
            reading.report(
                Self.mismatch(path(name), "a number", value, "\(name): \(range.lowerBound)"),
                at: value.position
            )
            return nil
        }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard isPlain, !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            let remedy = isPlain ? "write decimal digits only, such as `\(range.lowerBound)`" : "remove the quotes"
            report(name, "\(quoted(path(name))) must be a whole number, found \(quoted(text))", remedy)
            return nil
        }
        // What does not fit its type is out of range too.
        guard let number = Number(text), range.contains(number) else {
            report(
                name,
                "\(quoted(path(name))) is \(quoted(text))",
                "choose a number from \(range.lowerBound) to \(range.upperBound)"
            )
            return nil
        }
        return number
    }

    /// `true` or `false`.
    func flag(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        switch value.content {
        case .text("true", isPlain: true): return true
        case .text("false", isPlain: true): return false
        case .text(let text, _) where !value.isNothing:
            report(
                name,
                "\(quoted(path(name))) must be true or false, found \(quoted(text))",
                "write `true` or `false`"
            )
        default:
            reading.report(Self.mismatch(path(name), "true or false", value, "\(name): true"), at: value.position)
        }
        return nil
    }

    /// One of a set of words.
    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        let words = type.allCases.map(\.rawValue)
        return parsed(name, example: "\(name): \(words[0])") { text throws(Complaint) in
            guard let choice = Choice(rawValue: text) else {
                let meant = nearest(to: text, among: words).map { "did you mean `\($0)`?" }
                throw Complaint("\(quoted(text)) is not one of its values", meant ?? "write \(alternatives(words))")
            }
            return choice
        }
    }

    /// A duration in nanoseconds, within bounds given in nanoseconds.
    func duration(_ name: String, in range: ClosedRange<UInt64>) -> Int64? {
        let bounds = "from \(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
        return parsed(name, example: "\(name): 10s") { text throws(Complaint) in
            let duration = try parseDuration(text)
            guard range.contains(duration) else {
                throw Complaint("\(quoted(text)) is out of bounds", "choose a time \(bounds)")
            }
            return Int64(duration)
        }
    }

    /// A duration in whole seconds, within bounds given in seconds.
    func seconds(_ name: String, in range: ClosedRange<UInt64>) -> UInt32? {
        let nanoseconds = range.lowerBound * 1_000_000_000...range.upperBound * 1_000_000_000
        guard let duration = duration(name, in: nanoseconds) else { return nil }
        guard duration % 1_000_000_000 == 0 else {
            report(name, "\(quoted(path(name))) is not a whole number of seconds", "round it to seconds")
            return nil
        }
        return UInt32(duration / 1_000_000_000)
    }

    /// The fields of a mapping.
    ///
    /// - Parameter chosenNames: its keys are names that the operator chose.
    func fields(_ name: String, chosenNames: Bool = false, example: String) -> Fields? {
        value(name).flatMap {
            Fields(
                $0,
                place: path(name),
                schema: schema(name),
                chosenNames: chosenNames,
                reading: reading,
                example: example
            )
        }
    }

    /// The elements of a list with at most so many. Where `orSingle` says so, one element may stand without brackets.
    func list(_ name: String, limit: Int, orSingle: Bool = false, example: String) -> [YAMLValue]? {
        guard let value = value(name) else { return nil }
        switch value.content {
        case .list(let elements):
            guard elements.count <= limit else {
                report(name, "\(quoted(path(name))) has \(elements.count) elements", "use at most \(limit)")
                return nil
            }
            return elements
        case _ where orSingle && !value.isNothing:
            return [value]
        default:
            reading.report(Self.mismatch(path(name), "a list", value, example), at: value.position)
            return nil
        }
    }

    /// A list of texts that `parse` understands, those that it does not left out. Not empty: an empty list would
    /// quietly mean "never".
    func parsedList<Value>(
        _ name: String,
        limit: Int,
        orSingle: Bool = false,
        example: String,
        _ parse: (String) throws(Complaint) -> Value
    ) -> [Value]? {
        guard let elements = list(name, limit: limit, orSingle: orSingle, example: example) else { return nil }
        guard !elements.isEmpty else {
            report(name, "\(quoted(path(name))) is empty", "add an element, or remove the field")
            return nil
        }
        return elements.compactMap { element -> Value? in
            guard case .text(let text, _) = element.content, !element.isNothing else {
                reading.report(Self.mismatch(path(name), "a list of texts", element, example), at: element.position)
                return nil
            }
            do throws(Complaint) {
                return try parse(text)
            } catch {
                reading.report(Complaint("\(quoted(path(name))): \(error.message)", error.remedy), at: element.position)
                return nil
            }
        }
    }
}
