import Testing

@testable import Settings

/// The reference of the configuration, `Configuration.md`, says what the code does: each row is tried out.
@Suite struct ConfigurationReferenceTests {
    /// The fields that are asked for when this text is read.
    private func askedFields(_ text: String) throws -> Set<String> {
        let reading = Reading(file: "/etc/t.yaml", environment: environment(FieldPlace.files))
        reading.askedFields = []
        _ = reading.configuration(try YAMLComposer.compose(text))
        return try #require(reading.askedFields)
    }

    @Test func `Every field is documented, and nothing else is`() throws {
        // A mapping asks for all its fields, so the examples reach every field, also one that was forgotten here.
        let asked = try DocumentedField.all.reduce(into: Set<String>()) {
            $0.formUnion(try askedFields(FieldPlace.file($1.path, $1.example)))
        }
        let reserved = try DocumentationPage("Configuration").tables("field", "what it will be").flatMap(\.rows)
            .map { DocumentationPage.codes($0[0])[0] }
        // A mapping of names has no field of its own to describe.
        let documented = Set(DocumentedField.all.map(\.path) + reserved + ["upstreams.NAME", "policies.NAME"])
        #expect(asked.subtracting(documented).sorted() == [], "not documented")
        #expect(documented.subtracting(asked).sorted() == [], "documented, but unknown")
        #expect(DocumentedField.all.count + reserved.count + 2 == documented.count, "documented twice")
        for path in reserved { #expect(FieldPlace.problems(path, "{}").count == 1, "\(path)") }
    }

    @Test(arguments: DocumentedField.all)
    func `An example is accepted without a doubt, in its place`(field: DocumentedField) throws {
        #expect(!field.example.isEmpty && !field.purpose.isEmpty && field.purpose.hasSuffix("."))
        let warnings = try load(FieldPlace.file(field.path, field.example), files: FieldPlace.files).warnings
        #expect(warnings.map(\.description) == [])
    }

    @Test(arguments: DocumentedField.all)
    func `A default is what a file has that leaves the field out`(field: DocumentedField) throws {
        if field.standard == "required" {
            let found = FieldPlace.problems(field.path, nil)
            // A header's patterns are the header: without them there is none.
            #expect(!found.isEmpty || field.path.hasSuffix(".NAME"), "\(FieldPlace.file(field.path, nil))")
        }
        guard let standard = DocumentationPage.codes(field.standard).first, !field.standard.hasPrefix("none"),
            !field.standard.hasPrefix("required")
        else { return }
        let written = try FieldPlace.configuration(field.path, standard)
        #expect(try FieldPlace.configuration(field.path, nil) == written)
    }

    @Test(arguments: DocumentedField.all)
    func `No field takes what makes no sense`(field: DocumentedField) {
        for value in ["[[[]]]", "[{ \"\": [] }]", "\"\\u0007\"", "{ \"\": {} }"] {
            #expect(!FieldPlace.problems(field.path, value).isEmpty, "\(FieldPlace.file(field.path, value))")
        }
    }

    @Test(arguments: DocumentedField.all.filter { $0.type.hasPrefix("one of `") })
    func `Each word is accepted, and no other`(field: DocumentedField) throws {
        let words = DocumentationPage.codes(field.type)
        for word in words {
            #expect(FieldPlace.problems(field.path, word).map(\.description) == [], "\(word)")
        }
        let other = words.allSatisfy { Int($0) != nil } ? "201" : "quite-another-word"
        let found = FieldPlace.problems(field.path, other)
        // The message names every word that the code knows.
        #expect(Set(DocumentationPage.codes(found.first?.remedy ?? "")) == Set(words), "\(found)")
    }

    @Test(arguments: DocumentedField.all.filter { $0.range != "—" })
    func `A range is accepted up to both ends, and not beyond`(field: DocumentedField) throws {
        let range = try #require(DocumentedRange(field), "no range is written like `\(field.range)`")
        for value in range.within {
            #expect(FieldPlace.problems(field.path, value).map(\.description) == [], "\(value.prefix(200))")
        }
        #expect(!range.beyond.isEmpty)
        for value in range.beyond { #expect(!FieldPlace.problems(field.path, value).isEmpty, "\(value.prefix(200))") }
    }

    @Test func `A number, a text or a list without a range is an oversight`() {
        for field in DocumentedField.all where field.range == "—" {
            let isBounded = ["number", "duration", "rate", "text", "list of"].contains { field.type.hasPrefix($0) }
            #expect(!isBounded || field.path == "policies.NAME.cors", "\(field.path)")
        }
    }

    @Test func `The words for a source of client addresses are those of the code`() throws {
        let words = try DocumentationPage("Configuration").tables("word", "the client is").flatMap(\.rows).map {
            DocumentationPage.codes($0[0])[0]
        }
        for word in words { #expect(FieldPlace.problems("listeners[].client", "\"\(word)\"").isEmpty, "\(word)") }
        let found = FieldPlace.problems("listeners[].client", "something-else")
        #expect(DocumentationPage.codes(found.first?.remedy ?? "") == words)
    }

    @Test func `What is said of networks and of the file is so`() throws {
        let text = try DocumentationPage("Configuration").text.replacing("\n", with: " ")
        for prefix in PrefixSet.privateNetworks.prefixes + PrefixSet.loopback.prefixes {
            let isHost = prefix.bits == (prefix.address.isIPv4 ? 32 : 128)
            #expect(text.contains(isHost ? "\(prefix.address)" : "\(prefix)"), "\(prefix)")
        }
        #expect(YAMLComposer.byteLimit == 1 << 20 && text.contains("at most 1 MiB"))
        #expect(text.contains("(\(Difficulty.phoneHashesPerSecond) a second)"))
    }
}
