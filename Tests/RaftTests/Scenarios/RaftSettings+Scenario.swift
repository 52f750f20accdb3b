import Raft

extension RaftSettings {
    /// `settings NAME VALUE`.
    /// - Returns: false where there is no such setting.
    mutating func set(_ name: String, to text: String) -> Bool {
        if let number = Int(text), number >= 0 {
            switch name {
            case "electionTicksMin": electionTicksMin = number
            case "electionTicksMax": electionTicksMax = number
            case "appendBytesMax": appendBytesMax = number
            case "appendEntriesMax": appendEntriesMax = number
            case "inflightMessagesMax": inflightMessagesMax = number
            case "inflightBytesMax": inflightBytesMax = number
            case "uncommittedBytesMax": uncommittedBytesMax = number
            case "unpersistedBytesMax": unpersistedBytesMax = number
            case "snapshotChunkBytes": snapshotChunkBytes = number
            case "snapshotChunksInflightMax": snapshotChunksInflightMax = number
            case "promotionLagEntriesMax": promotionLagEntriesMax = UInt64(number)
            default: return false
            }
        } else if text == "on" || text == "off" {
            switch name {
            case "preVote": preVote = text == "on"
            case "checkQuorum": checkQuorum = text == "on"
            default: return false
            }
        } else {
            return false
        }
        return true
    }
}
