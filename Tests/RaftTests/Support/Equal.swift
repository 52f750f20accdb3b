import Testing

/// Expects a value. A function, since a macro's argument cannot change what it is called on.
func equal<Value: Equatable>(
    _ actual: Value,
    _ expected: Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}
