import Testing

@testable import Settings

/// The pages of the presets give the figures of the code.
@Suite struct PresetPageTests {
    private typealias Preset = PolicySettings.Preset

    private func page(_ preset: PolicySettings.Preset) throws -> DocumentationPage {
        try DocumentationPage("Preset\(preset.rawValue.prefix(1).uppercased())\(preset.rawValue.dropFirst())")
    }

    /// What a table says, by its first column.
    private func figures(_ page: DocumentationPage, _ header: [String]) -> [(name: String, value: String)] {
        page.tables.filter { $0.header == header }.flatMap(\.rows).map { cells in
            (DocumentationPage.codes(cells[0]).first ?? cells[0], DocumentationPage.codes(cells[1])[0])
        }
    }

    @Test(arguments: PolicySettings.Preset.allCases, PolicySettings.Preset.allCases)
    func `A preset is what its table says, whatever it is put upon`(
        preset: PolicySettings.Preset,
        base: PolicySettings.Preset
    ) throws {
        var fields = ["preset: \(base.rawValue)"]
        var work: [String] = []
        for (name, value) in figures(try page(preset), ["field", "value", "why"]) {
            if name.hasPrefix("work.") {
                work.append("\(name.dropFirst(5)): \(value)")
            } else {
                fields.append("\(name): \(value)")
            }
        }
        fields.append("work: { \(work.joined(separator: ", ")) }")
        var policy = try load(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { \(fields.joined(separator: ", ")) } }\n"
        ).configuration.policies[0]
        policy.preset = preset
        #expect(policy == PolicySettings(name: "default", preset: preset))
    }

    @Test(arguments: PolicySettings.Preset.allCases)
    func `What people see and what an abuser pays follows from the preset`(preset: PolicySettings.Preset) throws {
        let page = try page(preset)
        let policy = PolicySettings(name: "x", preset: preset)
        let work = try #require(policy.work)
        #expect(page.text.contains("\n\(Difficulty.describe(work.difficulty, rounds: work.rounds))\n"))

        let perThousand = work.difficulty * 1_000 / UInt64(work.grants)
        let ceiling = try #require(policy.ceiling.first)
        #expect(ceiling.windowNanoseconds == 60_000_000_000 && policy.free[0].windowNanoseconds == 60_000_000_000)
        let hashesPerSecond = Double(perThousand) / 1_000 * Double(ceiling.count) / 60
        let laptop = Double(Difficulty.laptopHashesPerSecond)
        #expect(
            figures(page, ["figure", "value"]).map(\.value) == [
                "\(policy.free[0].count)", "\(perThousand)", Difficulty.secondsText(Double(perThousand) / laptop),
                "\(ceiling.count)", "\(Int((hashesPerSecond / laptop * 100).rounded())) %",
                "\(Int((laptop * 1_000 / hashesPerSecond).rounded()))",
            ]
        )
    }

    @Test(arguments: PolicySettings.Preset.allCases)
    func `A preset's example holds, and what the page advises too`(preset: PolicySettings.Preset) throws {
        let page = try page(preset)
        let yaml = try #require(
            page.text.components(separatedBy: "```yaml\n").last?.components(separatedBy: "```").first
        )
        let configuration = try load(yaml).configuration
        #expect(configuration.policies.contains { $0.preset == preset })
        // Whatever stands between backquotes and is a field or a limit, put into a policy of this preset.
        let advice = DocumentationPage.codes(
            page.text.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 0 }.map(\.element).joined()
        )
        var tried = 0
        for text in Set(advice) {
            let field: String
            if text.hasPrefix("{ key: ") {
                field = "free: [{ rate: 10/min, burst: 5 }, \(text)]"
            } else if text.hasPrefix("difficulty: ") {
                field = "work: { \(text) }"
            } else if text.hasPrefix("free: ") || text.hasPrefix("consistency: ") {
                field = text
            } else {
                continue
            }
            tried += 1
            let file =
                "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { preset: \(preset.rawValue), \(field) } }\n"
            #expect(try load(file).warnings.map(\.description) == [], "\(text)")
        }
        #expect(tried >= 2)
    }
}
