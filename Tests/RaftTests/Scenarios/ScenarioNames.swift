import Raft
import Wire

/// In a scenario a replica's id is its name: up to eight ASCII characters, in the bytes of the id's second half. The
/// order of ids is then the order of names.
extension ReplicaID {
    init?(name: String) {
        guard !name.isEmpty, name.utf8.count <= 8, name.utf8.allSatisfy({ (0x30...0x7a).contains($0) }) else {
            return nil
        }
        let low = name.utf8.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } << (8 * (8 - name.utf8.count))
        self.init(high: 0, low: low)
    }

    var name: String {
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            let byte = UInt8(truncatingIfNeeded: low >> UInt64(shift))
            if byte != 0 { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Member {
    init(_ id: ReplicaID, address: String? = nil) {
        self.init(id: id, name: id.name, address: address ?? "\(id.name):7400")
    }
}

extension Configuration {
    /// The membership that a group begins with.
    init(voters: [ReplicaID], learners: [ReplicaID]) {
        self.init(
            members: (voters + learners).sorted().map { Member($0) },
            voters: voters.sorted(),
            learners: learners.sorted()
        )
    }

    /// `{a b c}`; with learners `{a b + c}`; joint `{a b d | a b c}`; voters that become learners after `~`.
    var text: String {
        func list(_ ids: [ReplicaID]) -> String { ids.map(\.name).joined(separator: " ") }
        var text = "{" + list(voters)
        if !outgoing.isEmpty { text += " | " + list(outgoing) }
        if !learners.isEmpty { text += " + " + list(learners) }
        if !learnersNext.isEmpty { text += " ~ " + list(learnersNext) }
        return text + "}"
    }
}
