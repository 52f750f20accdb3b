/// A library that is loaded before a program's own and adds a time to each of its fdatasync(2) and fsync(2), as
/// ``SlowDisk`` does within one process.
enum SlowSynchronization {
    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <time.h>

        static void wait_added(void) {
            struct timespec rest = { .tv_sec = 0, .tv_nsec = ADDED_NANOSECONDS };
            while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {}
        }

        int fdatasync(int descriptor) {
            static int (*next)(int);
            if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
            int result = next(descriptor);
            wait_added();
            return result;
        }

        int fsync(int descriptor) {
            static int (*next)(int);
            if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
            int result = next(descriptor);
            wait_added();
            return result;
        }

        """

    /// Builds it. Needs a C compiler, `cc`.
    ///
    /// - Returns: what a process that is to be slowed down must have in its environment.
    static func build(addedNanoseconds: Int, folder: TemporaryFolder) throws(BenchmarkError) -> [String: String] {
        let file = try folder.write("slow.c", source)
        let library = "\(folder.path)/slow.so"
        let log = "\(folder.path)/slow.log"
        let compiler = try ChildProcess(
            "cc",
            ["-O2", "-shared", "-fPIC", "-DADDED_NANOSECONDS=\(addedNanoseconds)", "-o", library, file, "-ldl"],
            output: log
        )
        guard try compiler.wait(secondsMax: 60) == 0 else {
            throw BenchmarkError("cc cannot build a library; it said:\n\(File.read(log, bytesMax: 4_096) ?? "")")
        }
        return ["LD_PRELOAD": library]
    }
}
