extension MemoryFileSystem {
    /// What the machine finds when it starts again. Open files are gone.
    func crash() {
        fault = nil
        hasFailed = false
        open = [:]
        var survivors: [ObjectIdentifier: Bool] = [:]
        for path in folders.keys.sorted() {
            guard var folder = folders[path] else { continue }
            var names = folder.durable
            for change in folder.changes where random.oneIn(2) {
                switch change {
                case .added(let name, let node): names[name] = node
                case .removed(let name): names[name] = nil
                case .moved(let from, let to, let node):
                    names[from] = nil
                    names[to] = node
                }
            }
            folder.names = names
            folder.durable = names
            folder.changes = []
            folders[path] = folder
            for name in names.keys.sorted() {
                guard let node = names[name], survivors[ObjectIdentifier(node)] == nil else { continue }
                survivors[ObjectIdentifier(node)] = true
                lose(node)
            }
        }
    }

    /// Takes away some of what was not synchronized: all of it, none of it, or any part.
    private func lose(_ node: Node) {
        var bytes = node.durable
        let mode = random.below(4)
        let all = mode == 0 ? false : mode == 1
        if node.isAllocatedUnsynced, bytes.count < node.bytes.count, all || random.oneIn(2) {
            bytes += [UInt8](repeating: 0, count: node.bytes.count - bytes.count)
        }
        for write in node.unsynced where mode != 0 && (all || random.oneIn(2)) {
            let end = write.offset + write.bytes.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(write.offset..<end, with: write.bytes)
        }
        node.bytes = bytes
        node.durable = bytes
        node.unsynced = []
        node.isAllocatedUnsynced = false
    }

    /// A disk with the same content and names, all of it durable.
    func copy(seed: UInt64) -> MemoryFileSystem {
        let other = MemoryFileSystem(seed: seed)
        for (path, folder) in folders {
            var copied = Folder()
            for (name, node) in folder.names {
                let file = Node()
                file.bytes = node.bytes
                file.durable = node.bytes
                copied.names[name] = file
            }
            copied.durable = copied.names
            other.folders[path] = copied
        }
        return other
    }
}
