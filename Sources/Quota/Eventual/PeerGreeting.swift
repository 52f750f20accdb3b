/// Who a peer is now: which of its boots lives, made sure by questions that only that one can answer.
///
/// A message of a boot that has ended may arrive after those of the next. So each side gives the other a token, and takes a
/// boot that it does not know for the living one only when that boot repeats the token which was given to it:
///
///     unknown ── a message of boot X ──▶ X is asked, with a new token ── X repeats it ──▶ X is the peer
///
/// and so from X to the next. Before the first, whoever repeats the first token is the peer. Tokens count up in each boot, so
/// that none is given twice; a boot's number is random.
struct PeerGreeting: Sendable {
    /// Who is to read a message, and what it is to show and to repeat.
    struct Address: Hashable, Sendable {
        /// 0: whoever it is.
        var boot: UInt64
        var token: UInt32
        var echo: UInt32
    }

    enum Verdict: Hashable, Sendable {
        /// From the peer that is known.
        case known
        /// From one that is known from now on.
        case adopted
        /// From nobody who is known. If there is an address, that is whom to ask.
        case stranger(Address?)
    }

    private let own: UInt64
    private var known: Address?
    private var asked: Address
    private(set) var lastToken: UInt32

    /// - Parameters:
    ///   - boot: of this node.
    ///   - lastToken: that this boot has given to the same replica.
    init(boot: UInt64, lastToken: UInt32) {
        own = boot
        self.lastToken = lastToken &+ 1
        asked = Address(boot: 0, token: lastToken &+ 1, echo: 0)
    }

    /// The living boot, once it is known.
    var peer: UInt64? { known?.boot }

    /// Where the next message goes.
    var address: Address { known ?? asked }

    /// Reads what a message shows.
    mutating func received(from boot: UInt64, to: UInt64, token: UInt32, echo: UInt32) -> Verdict {
        if let known, known.boot == boot {
            if to == own || to == 0 { self.known?.echo = max(known.echo, token) }
            return to == own && echo == known.token ? .known : .stranger(nil)
        }
        if to == own, echo == asked.token, asked.boot == boot || asked.boot == 0 {
            known = Address(boot: boot, token: asked.token, echo: token)
            return .adopted
        }
        if asked.boot != boot {
            lastToken &+= 1
            asked = Address(boot: boot, token: lastToken, echo: 0)
        }
        if to == own || to == 0 { asked.echo = max(asked.echo, token) }
        return .stranger(asked)
    }
}
