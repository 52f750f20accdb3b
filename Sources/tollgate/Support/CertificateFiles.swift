import ArgumentParser
import Certificates
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// write(2), which the methods of that name hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

/// The files of an authority and its nodes in one folder: `NAME.pem`, and `NAME.key` that only its owner may read.
struct CertificateFiles {
    /// What is wrong with a file, for a person.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) { self.description = description }
    }

    /// Longest file that is read, in bytes.
    private static let bytesMax = 1 << 20

    let folder: String

    func certificate(_ name: String) -> String { "\(folder)/\(name).pem" }
    func key(_ name: String) -> String { "\(folder)/\(name).key" }

    /// Runs a command, and says what went wrong with it.
    static func reporting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as CertificatesError {
            Terminal.error("error: \(error.description)")
            throw ExitCode(1)
        } catch let error as Failure {
            Terminal.error("error: \(error.description)")
            throw ExitCode(1)
        }
    }

    /// Makes the folder where there is none, for its owner alone.
    func makeFolder() throws(Failure) {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure("make the folder", folder) }
    }

    /// Whether there is something of this name, be it a link to nothing.
    func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The authority whose files are in the folder.
    func readAuthority() throws -> CertificateAuthority {
        let certificate = try read(certificate("ca"))
        let key = try read(key("ca"))
        do throws(CertificatesError) {
            return try CertificateAuthority(certificate: certificate, key: key)
        } catch {
            let path = if case .noAuthority = error { self.certificate("ca") } else { self.key("ca") }
            throw Failure("\(path): \(error.description)")
        }
    }

    /// Writes a certificate and its key, and says so. Each is there whole or not at all; the key comes first, so that no
    /// certificate is there whose key is not.
    /// - Returns: false where it could not be said. The files are written all the same.
    func write(_ issued: CertificateAuthority.Issued, for name: String, replacing: Bool) throws(Failure) -> Bool {
        try write(issued.key, to: key(name), mode: 0o600, replacing: replacing)
        let replaced = try write(issued.certificate, to: certificate(name), mode: 0o644, replacing: replacing)
        let until = Self.day(issued.notAfter)
        return Terminal.line(
            "\(certificate(name)) and \(key(name)) \(replaced ? "replaced" : "written"); they hold until \(until)"
        )
    }

    @discardableResult
    private func write(_ text: String, to path: String, mode: mode_t, replacing: Bool) throws(Failure) -> Bool {
        let existed = exists(path)
        guard replacing || !existed else { throw Failure("\(path) exists; it was left alone") }
        let temporary = path + ".new"
        // What an earlier run has left, whoever may read it.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw Self.failure("write", temporary) }
        var bytes = Array(text.utf8)[...]
        var isWritten = true
        while isWritten, !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0) }
            if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { isWritten = false }
        }
        isWritten = isWritten && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        let failure = isWritten ? nil : Self.failure("write", temporary)
        close(descriptor)
        if let failure {
            unlink(temporary)
            throw failure
        }
        // link(2) fails where the name is taken, rename(2) replaces.
        let isInPlace = replacing ? rename(temporary, path) == 0 : link(temporary, path) == 0
        guard isInPlace else {
            let failure = Self.failure("write", path)
            unlink(temporary)
            throw failure
        }
        if !replacing { unlink(temporary) }
        return existed
    }

    private func read(_ path: String) throws(Failure) -> String {
        guard let file = fopen(path, "re") else { throw Self.failure("read", path) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw Self.failure("read", path) }
        guard count <= Self.bytesMax, let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw Failure("\(path): it is no text, or is too long")
        }
        return text
    }

    private static func failure(_ verb: String, _ path: String) -> Failure {
        Failure("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }

    /// The day of a time, in UTC.
    private static func day(_ date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
