import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reports that one of a few files may have changed: by inotify(7) on their folders, so that it also sees a file that is
/// replaced by renaming, as editors do, and a folder of links that is switched, as Kubernetes does.
///
/// Events in quick succession are reported once, a moment after the last.
final class FileWatcher {
    /// How long a file must have been left alone: whoever writes it in pieces is not read in between.
    static let settling = Duration.milliseconds(200)
    /// However busy the folder is, a change is looked at after this long.
    static let postponingMax = DispatchTimeInterval.seconds(2)

    private let source: any DispatchSourceRead

    /// - Returns: nil where there is nothing to watch or the kernel has no watch left.
    init?(files: [String], onChange: @escaping @Sendable () -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        var watching = 0
        for folder in Set(files.map(Self.folder)) {
            let mask = UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
            if inotify_add_watch(descriptor, folder, mask) >= 0 { watching += 1 }
        }
        guard watching > 0 else {
            close(descriptor)
            return nil
        }
        let queue = DispatchQueue(label: "tollgate.file-watcher")
        let pending = Pending(queue: queue, onChange: onChange)
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler {
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while read(descriptor, &buffer, buffer.count) > 0 {}
            pending.schedule()
        }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    func cancel() {
        source.cancel()
    }

    private static func folder(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The report that waits for things to settle. Confined to the queue.
    private final class Pending: @unchecked Sendable {
        private let queue: DispatchQueue
        private let onChange: @Sendable () -> Void
        private var work: DispatchWorkItem?
        /// When the changes so far are reported at the latest.
        private var latest: DispatchTime?

        init(queue: DispatchQueue, onChange: @escaping @Sendable () -> Void) {
            self.queue = queue
            self.onChange = onChange
        }

        func schedule() {
            work?.cancel()
            let now = DispatchTime.now()
            let latest = latest ?? now + FileWatcher.postponingMax
            self.latest = latest
            let work = DispatchWorkItem { [weak self] in
                guard let self else { return }
                self.latest = nil
                self.onChange()
            }
            self.work = work
            let settled = now + .nanoseconds(Int(FileWatcher.settling / .nanoseconds(1)))
            queue.asyncAfter(deadline: min(settled, latest), execute: work)
        }
    }
}
