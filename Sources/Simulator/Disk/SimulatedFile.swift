import Raft

/// A file of the simulated disk: what readers see, and what else a power cut may leave of it.
struct SimulatedFile: Sendable {
    /// Bytes that a disk writes in one piece.
    static let sectorBytes = 512
    /// What a sector may hold after a power cut, besides what is on disk and what was written last. More are forgotten.
    private static let versionsMax = 3

    /// A sector whose contents on disk are not what readers see.
    struct Sector: Sendable {
        var index: Int
        /// What is on disk.
        var durable: [UInt8]
        /// What was written since, but for the last.
        var between: [[UInt8]] = []
        /// Its write failed when the file was synchronized: the system has forgotten that it must be written.
        var isForgotten = false
    }

    /// What readers see.
    private(set) var data: [UInt8] = []
    /// The length on disk.
    private var durableLength = 0
    /// Lengths since, the last included.
    private var lengths: [Int] = []
    /// Sorted by index.
    private var sectors: ContiguousArray<Sector> = []

    /// Whether all is on disk.
    var isClean: Bool { sectors.isEmpty && lengths.isEmpty }

    // MARK: - Calls

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        let end = offset + bytes.count
        guard !bytes.isEmpty else { return }
        if end > data.count { setLength(end) }
        for index in offset / Self.sectorBytes...(end - 1) / Self.sectorBytes { touch(index) }
        data.replaceSubrange(offset..<end, with: bytes)
    }

    mutating func setLength(_ length: Int) {
        if length < data.count {
            for index in length / Self.sectorBytes..<(data.count + Self.sectorBytes - 1) / Self.sectorBytes {
                touch(index)
            }
            data.removeSubrange(length...)
        } else {
            data.append(contentsOf: repeatElement(0, count: length - data.count))
        }
        lengths.append(length)
    }

    /// All that was not forgotten is on disk now.
    mutating func synchronize() {
        sectors.removeAll { !$0.isForgotten }
        lengths.removeAll()
        durableLength = data.count
    }

    /// Some of it is on disk, and the system takes all of it for written.
    mutating func failToSynchronize(_ generator: inout Xoshiro256) {
        for place in sectors.indices where !sectors[place].isForgotten {
            let kept = outcome(of: sectors[place], &generator)
            sectors[place].durable = kept
            sectors[place].between = []
            sectors[place].isForgotten = true
        }
        if let length = lengths.isEmpty ? nil : generator.pick([durableLength] + lengths) { durableLength = length }
        lengths.removeAll()
    }

    // MARK: - Faults

    /// The power fails. Of what was not on disk each sector is there or not, whatever the order of the writes.
    /// - Parameter mode: what is lost.
    mutating func cutPower(_ mode: PowerCut, _ generator: inout Xoshiro256) {
        var length = durableLength
        switch mode {
        case .losesAll: break
        case .losesNothing: length = data.count
        case .losesSome: if !lengths.isEmpty { length = generator.pick([durableLength] + lengths) }
        }
        for sector in sectors {
            let kept: [UInt8]
            switch mode {
            case .losesNothing where !sector.isForgotten: continue
            case .losesSome where !sector.isForgotten: kept = outcome(of: sector, &generator)
            default: kept = sector.durable
            }
            put(kept, sector: sector.index)
        }
        if length < data.count {
            data.removeSubrange(length...)
        } else {
            data.append(contentsOf: repeatElement(0, count: length - data.count))
        }
        sectors.removeAll()
        lengths.removeAll()
        durableLength = data.count
    }

    /// A bit on disk, and in what readers see, is another one.
    mutating func flip(bit: UInt8, at offset: Int) {
        guard offset < data.count else { return }
        data[offset] ^= 1 << (bit & 7)
    }

    // MARK: - Sectors

    /// A sector is about to be written.
    private mutating func touch(_ index: Int) {
        var low = 0
        var high = sectors.count
        while low < high {
            let middle = (low + high) / 2
            if sectors[middle].index < index { low = middle + 1 } else { high = middle }
        }
        if low < sectors.count, sectors[low].index == index {
            if !sectors[low].isForgotten, sectors[low].between.count < Self.versionsMax {
                sectors[low].between.append(contents(index))
            }
            sectors[low].isForgotten = false
        } else {
            sectors.insert(Sector(index: index, durable: contents(index)), at: low)
        }
    }

    /// What readers see of a sector; zeros behind the end.
    private func contents(_ index: Int) -> [UInt8] {
        let start = index * Self.sectorBytes
        let end = min(start + Self.sectorBytes, data.count)
        var bytes = start < end ? Array(data[start..<end]) : []
        bytes.append(contentsOf: repeatElement(0, count: Self.sectorBytes - bytes.count))
        return bytes
    }

    private func outcome(of sector: Sector, _ generator: inout Xoshiro256) -> [UInt8] {
        let choice = Int(generator.below(UInt64(sector.between.count) + 2))
        if choice == 0 { return sector.durable }
        return choice <= sector.between.count ? sector.between[choice - 1] : contents(sector.index)
    }

    private mutating func put(_ bytes: [UInt8], sector index: Int) {
        let start = index * Self.sectorBytes
        let end = start + Self.sectorBytes
        if end > data.count { data.append(contentsOf: repeatElement(0, count: end - data.count)) }
        data.replaceSubrange(start..<end, with: bytes)
    }
}

/// What a power cut does to what was not synchronized.
public enum PowerCut: UInt8, Hashable, Sendable, CaseIterable {
    /// Nothing of it is there.
    case losesAll
    /// Any of it may be there: each sector by itself, at any of the states that it went through.
    case losesSome
    /// It was all there by luck.
    case losesNothing
}
