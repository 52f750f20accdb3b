#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Standard output and error, and whether a person is looking at them.
enum Terminal {
    static let isErrorInteractive = isatty(2) == 1

    /// A line on standard error. Whatever in it could move the cursor, change colours or turn the text's direction is
    /// shown as its number: parts of it may come from a server or from a file.
    static func error(_ line: String) {
        write(2, Array((visible(line) + "\n").utf8))
    }

    /// A line on standard output, with the same care; false where it cannot be written.
    static func line(_ line: String) -> Bool {
        output(Array((visible(line) + "\n").utf8))
    }

    /// Text of our own on standard error, control characters and all, without an end of line.
    static func errorText(_ text: String) {
        write(2, Array(text.utf8))
    }

    /// Bytes on standard output; false where they cannot be written.
    @discardableResult
    static func output(_ bytes: [UInt8]) -> Bool {
        write(1, bytes)
    }

    /// The text with everything shown as its number that is not ``isHarmless(_:)``.
    static func visible(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            if isHarmless(scalar) {
                output.unicodeScalars.append(scalar)
            } else {
                output += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return output
    }

    /// Whether a character neither moves the cursor, nor changes colours, nor turns the text's direction, nor ends a line.
    static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: scalar == "\t"
        default: true
        }
    }

    @discardableResult
    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                #if canImport(Glibc)
                    let written = Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
                #else
                    let written = Musl.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
                #endif
                if written < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                offset += written
            }
            return true
        }
    }

    /// All of standard input or of a file, up to a bound; nil where it is longer or cannot be read.
    static func read(path: String?, bytesMax: Int) -> [UInt8]? {
        let descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC) } ?? 0
        guard descriptor >= 0 else { return nil }
        defer { if path != nil { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, &chunk, chunk.count)
            #else
                let count = Musl.read(descriptor, &chunk, chunk.count)
            #endif
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > bytesMax { return nil }
        }
    }
}
