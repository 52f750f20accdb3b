#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The descriptors 0, 1 and 2, which programs write to by number.
enum StandardStreams {
    /// Opens /dev/null in the place of those that whoever started the program has closed. Otherwise the next file or
    /// connection that is opened would get the number, and with it every line that is meant for a log.
    ///
    /// To be called before anything else is opened.
    static func open() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
            #if canImport(Glibc)
                _ = Glibc.open("/dev/null", O_RDWR)
            #else
                _ = Musl.open("/dev/null", O_RDWR)
            #endif
        }
    }
}
