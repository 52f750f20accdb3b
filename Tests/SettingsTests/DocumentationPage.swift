import Foundation
import Testing

/// A page of the user documentation, read from the sources: what it says is compared with the code.
struct DocumentationPage {
    /// A table, with the heading that it stands under.
    struct Table {
        var heading: String
        var header: [String]
        /// As many cells as the header has.
        var rows: [[String]]
    }

    let text: String

    /// The page of that name.
    init(_ name: String, file: String = #filePath) throws {
        let tests = URL(filePath: file).deletingLastPathComponent()
        let page = tests.appending(path: "../../Sources/tollgate/tollgate.docc/\(name).md").standardizedFileURL
        text = try String(contentsOf: page, encoding: .utf8)
    }

    /// All tables in their order.
    var tables: [Table] {
        var tables: [Table] = []
        var heading = ""
        var isInTable = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { heading = line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces) }
            guard line.hasPrefix("|") else {
                isInTable = false
                continue
            }
            let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            if !isInTable {
                tables.append(Table(heading: heading, header: cells, rows: []))
            } else if !cells.allSatisfy({ $0.allSatisfy { $0 == "-" } }) {
                tables[tables.count - 1].rows.append(cells)
            }
            isInTable = true
        }
        return tables
    }

    /// The tables with this header.
    func tables(_ header: String...) -> [Table] { tables.filter { $0.header == header } }

    /// What stands between backquotes, in order.
    static func codes(_ text: String) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map {
            String($0.element)
        }
    }
}

/// One field of the configuration as the reference describes it.
struct DocumentedField: Sendable, CustomTestStringConvertible {
    /// `policies.NAME.work.rounds`.
    var path: String
    var type: String
    var standard: String
    var range: String
    /// YAML.
    var example: String
    var purpose: String

    var testDescription: String { path }

    /// All of them, in the order of the page.
    static let all: [DocumentedField] = {
        do {
            return try DocumentationPage("Configuration")
                .tables("field", "type", "default", "range", "example", "what for").flatMap { table in
                    let section = DocumentationPage.codes(table.heading).first
                    return table.rows.map { cells in
                        DocumentedField(
                            path: ([section].compactMap(\.self) + DocumentationPage.codes(cells[0]))
                                .joined(separator: "."),
                            type: cells[1],
                            standard: cells[2],
                            range: cells[3],
                            example: DocumentationPage.codes(cells[4]).first ?? "",
                            purpose: cells[5]
                        )
                    }
                }
        } catch {
            preconditionFailure("the reference of the configuration cannot be read: \(error)")
        }
    }()
}
