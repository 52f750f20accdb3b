/// One thing that is wrong, or doubtful, in a configuration: where, what, and what to do.
///
/// Messages quote names of fields and short values that can be no secret; never a header's pattern or a URL's
/// credentials.
public struct ConfigurationProblem: Error, Hashable, Sendable {
    /// The file as it was named.
    public var file: String
    /// From 1; 0 where no line is meant, as when a file cannot be read.
    public var line: Int
    /// From 1, in Unicode scalars; 0 where no column is meant.
    public var column: Int
    /// What is wrong, in one sentence without a full stop.
    public var message: String
    /// What to do, in one sentence without a full stop.
    public var remedy: String
}

extension ConfigurationProblem: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: message; remedy`, without what is 0.
    public var description: String {
        let place = line == 0 ? file : column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
        return "\(place): \(message); \(remedy)"
    }
}

/// All that is wrong with a configuration.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    /// At least one, in the order of their places. At most 200 are collected.
    public var problems: [ConfigurationProblem]
    /// What was doubtful besides.
    public var warnings: [ConfigurationProblem]

    /// One line for each problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// A configuration that holds, and what its operator should know.
public struct LoadedConfiguration: Sendable, Equatable {
    /// What to run with.
    public var configuration: Configuration
    /// What is allowed but doubtful, in the order of their places.
    public var warnings: [ConfigurationProblem]
    /// The files that were read, the configuration first: those to watch for changes. Empty for
    /// ``Configuration/fromUpstream(url:environment:)``.
    public var files: [String]
}
