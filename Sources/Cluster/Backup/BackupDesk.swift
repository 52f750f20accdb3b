import NIOConcurrencyHelpers

/// Who makes a backup at this node: one at a time, since each keeps a copy of the state in memory while the original
/// changes. Any thread.
final class BackupDesk: Sendable {
    /// Kept with the backup. The next one may begin when it has ended, or is gone.
    final class Turn: Sendable {
        private let taken: NIOLockedValueBox<ObjectIdentifier?>

        fileprivate init(_ taken: NIOLockedValueBox<ObjectIdentifier?>) { self.taken = taken }

        deinit { end() }

        /// Lets the next one begin. Again does nothing.
        func end() {
            taken.withLockedValue { if $0 == ObjectIdentifier(self) { $0 = nil } }
        }
    }

    /// Whose turn it is.
    private let taken = NIOLockedValueBox<ObjectIdentifier?>(nil)

    /// A turn; nil while somebody has it.
    func take() -> Turn? {
        let turn = Turn(taken)
        let isFree = taken.withLockedValue { taken in
            guard taken == nil else { return false }
            taken = ObjectIdentifier(turn)
            return true
        }
        return isFree ? turn : nil
    }
}
