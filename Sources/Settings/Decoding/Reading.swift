/// One reading of a configuration: what it has found wrong so far, and the files that it has read. Confined to the call
/// that made it.
///
/// Nothing here throws at the first fault. A part that is wrong is reported and left out or replaced by its default,
/// and the reading goes on, so that an operator sees every fault at once; whatever was put together is thrown away in
/// the end if there was one.
final class Reading {
    typealias Position = YAMLValue.Position

    /// The configuration file, as it was named.
    let file: String
    let environment: LoadingEnvironment
    private(set) var problems: [ConfigurationProblem] = []
    private(set) var warnings: [ConfigurationProblem] = []
    /// Beyond this, problems are only counted.
    private let problemLimit = 200
    private var suppressed = 0

    /// Other files that were read, in their order, by their resolved paths.
    private(set) var sideFiles: [String] = []
    /// Lists of clients that were read already. Nil: it could not be.
    var clientLists: [String: PrefixSet?] = [:]
    /// Networks that the configuration holds so far, each as often as it is held.
    var prefixCount = 0
    var hash = ContentHash()
    /// The fields that were asked for, as the documentation calls them. Nil unless somebody wants to know: the test that
    /// keeps the reference of the configuration equal to this code.
    var askedFields: Set<String>?

    init(file: String, environment: LoadingEnvironment) {
        self.file = file
        self.environment = environment
    }

    /// Reports a fault.
    func report(_ complaint: Complaint, at position: Position, in other: String? = nil) {
        guard problems.count < problemLimit else {
            suppressed += 1
            return
        }
        problems.append(problem(complaint, at: position, in: other))
    }

    /// Reports a doubt.
    func warn(_ complaint: Complaint, at position: Position, in other: String? = nil) {
        guard warnings.count < problemLimit else { return }
        warnings.append(problem(complaint, at: position, in: other))
    }

    private func problem(_ complaint: Complaint, at position: Position, in other: String?) -> ConfigurationProblem {
        ConfigurationProblem(
            file: other ?? file,
            line: position.line,
            column: position.column,
            message: complaint.message,
            remedy: complaint.remedy
        )
    }

    /// All faults in the order of their places, if there are any.
    var errors: ConfigurationErrors? {
        guard !problems.isEmpty else { return nil }
        var sorted = inOrder(problems)
        if suppressed > 0 {
            sorted.append(
                ConfigurationProblem(
                    file: file,
                    line: 0,
                    column: 0,
                    message: "\(suppressed) further problems are not shown",
                    remedy: "repair those above first"
                )
            )
        }
        return ConfigurationErrors(problems: sorted, warnings: inOrder(warnings))
    }

    /// The configuration file's first, each file's by line; what is equal keeps the order in which it was found.
    func inOrder(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
        problems.enumerated().sorted { left, right in
            let (a, b) = (left.element, right.element)
            if a.file != b.file { return a.file == file || (b.file != file && a.file < b.file) }
            return (a.line, a.column, left.offset) < (b.line, b.column, right.offset)
        }.map(\.element)
    }

    /// A path of the file: relative ones are relative to the file's folder.
    func resolve(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }

    /// Reads a file that the configuration names; reports at `position` if it cannot.
    ///
    /// - Parameter isSecret: nobody but its owner may read it, and it is no part of the hash, which is shown and would
    ///   give it away.
    func readSideFile(_ path: String, byteLimit: Int, isSecret: Bool = false, at position: Position) -> [UInt8]? {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count <= 4_096 else {
            report(Complaint("the file's name is empty or too long", "write its path"), at: position)
            return nil
        }
        guard sideFiles.contains(path) || sideFiles.count < 64 else {
            report(Complaint("more than 64 files are named", "join some of them"), at: position)
            return nil
        }
        do {
            let bytes =
                if isSecret { try environment.readSecretFile(path, byteLimit) } else {
                    try environment.readFile(path, byteLimit)
                }
            if !sideFiles.contains(path) { sideFiles.append(path) }
            if !isSecret { hash.combine(bytes) }
            return bytes
        } catch {
            report(Complaint("the file \(quoted(path)) \(error.message)", error.remedy), at: position)
            return nil
        }
    }
}

/// FNV-1a of 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv) over byte strings, each led by its length. It tells files
/// apart that differ by accident; it is no defence against anyone.
struct ContentHash {
    private var state: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D

    mutating func combine(_ bytes: some Collection<UInt8>) {
        for shift in stride(from: 56, through: 0, by: -8) { mix(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
        for byte in bytes { mix(byte) }
    }

    private mutating func mix(_ byte: UInt8) {
        state = (state ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013B
    }

    /// 32 hexadecimal digits.
    var text: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
