import Wire

/// The first frame of either side: who it is, which versions it speaks, and what the connection is for.
///
/// The magic and the range of versions come first and are read alone, so that a release that shares no version is told so
/// whatever else its Hello says. As long as a release speaks version 1 its Hello has this form, and what is new goes into
/// frames that come later.
public struct Hello: Hashable, Sendable {
    /// Longest name, in bytes: as in a configuration of the group.
    public static let nameBytesMax = 255
    /// Bytes of the longest Hello: magic, versions, lane, cluster, name, replica, membership, address.
    public static let encodedBytesMax = 8 + 4 + 1 + 17 + (4 + nameBytesMax) + 16 + 9 + (4 + nameBytesMax)
    /// What every Hello begins with.
    static let magic = Array("TOLLGATE".utf8)

    /// The versions that the sender speaks.
    public var versions: ClosedRange<UInt16>
    /// What the connection is to carry.
    public var lane: Lane
    /// The sender.
    public var identity: NodeIdentity

    /// A value of these fields.
    public init(versions: ClosedRange<UInt16>, lane: Lane, identity: NodeIdentity) {
        self.versions = versions
        self.lane = lane
        self.identity = identity
    }

    /// The Hello's bytes. One form only.
    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.encodedBytesMax)
        writer.write(raw: Self.magic)
        writer.write(versions.lowerBound)
        writer.write(versions.upperBound)
        writer.write(lane.rawValue)
        writer.write(identity.cluster != nil)
        if let cluster = identity.cluster { writer.write(cluster) }
        writer.write(text: identity.name)
        writer.write(identity.replica)
        writer.write(identity.membership != nil)
        if let membership = identity.membership { writer.write(membership) }
        writer.write(text: identity.address)
        return writer.bytes
    }

    /// Reads a Hello.
    /// - Parameter speaking: the versions of the reader. Of a Hello that shares none of them no more is read.
    init(decoding bytes: [UInt8], speaking own: ClosedRange<UInt16>) throws(HelloError) {
        var reader = ByteReader(bytes)
        do {
            guard try reader.readBytes(count: Self.magic.count) == Self.magic else { throw HelloError.notTollgate }
            let (least, most) = (try reader.readUInt16(), try reader.readUInt16())
            guard least <= most else { throw HelloError.emptyVersionRange }
            guard own.overlaps(least...most) else { throw HelloError.noCommonVersion(theirs: least...most) }
            versions = least...most
            let tag = try reader.readUInt8()
            guard let lane = Lane(rawValue: tag) else { throw HelloError.unknownLane(tag) }
            self.lane = lane
            let cluster = try reader.readBool() ? try reader.readClusterID() : nil
            let name = try reader.readText(limit: Self.nameBytesMax)
            guard Self.isName(name) else { throw HelloError.badName }
            let replica = try reader.readReplicaID()
            let membership = try reader.readBool() ? try reader.readUInt64() : nil
            let address = try reader.readText(limit: Self.nameBytesMax)
            guard address.isEmpty || Self.isName(address) else { throw HelloError.badName }
            identity = NodeIdentity(
                name: name,
                replica: replica,
                cluster: cluster,
                membership: membership,
                address: address
            )
            try reader.finish()
        } catch let error as HelloError {
            throw error
        } catch let error as WireError {
            throw .malformed(error)
        } catch {
            preconditionFailure("a reader throws only its own errors")
        }
    }

    /// Whether a node can have this name, or be reached there: 1 to ``nameBytesMax`` bytes, none of them a control character.
    public static func isName(_ name: String) -> Bool {
        (1...nameBytesMax).contains(name.utf8.count) && !name.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }
}

/// Why bytes are no Hello that this release can answer. Whoever sent them is at fault, or is of another release.
enum HelloError: Error, Hashable {
    /// Something else talks to the port.
    case notTollgate
    /// The least version is above the greatest.
    case emptyVersionRange
    /// Releases too far apart.
    case noCommonVersion(theirs: ClosedRange<UInt16>)
    /// No lane has this number.
    case unknownLane(UInt8)
    /// The name is empty, or it or the address has control characters.
    case badName
    /// A field does not fit, or bytes are left.
    case malformed(WireError)
}
