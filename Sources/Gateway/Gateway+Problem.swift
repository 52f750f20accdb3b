extension Gateway {
    /// Why the gateway cannot start or take over a configuration.
    public enum Problem: Error, CustomStringConvertible {
        /// The ledger refused the limits.
        case limitsRefused(String)
        /// The ledger does not answer.
        case ledgerUnavailable
        /// Limits of another node came into force in the meantime.
        case superseded
        /// The ledger has ended.
        case stopped
        /// A configuration that forwards nothing, while listeners are open that forward.
        case forwardingListenersOpen

        /// One line for people.
        public var description: String {
            switch self {
            case .limitsRefused(let reason): "the ledger refused the limits: \(reason)"
            case .ledgerUnavailable: "the ledger does not answer"
            case .superseded: "limits of another node came into force in the meantime"
            case .stopped: "the ledger has ended"
            case .forwardingListenersOpen:
                "the file has check listeners only, but one that forwards is open until the end: start anew"
            }
        }
    }
}
