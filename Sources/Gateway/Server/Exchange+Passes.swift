import Ledger
import ProofOfWork

/// The passes that a request shows.
extension Exchange {
    /// Passes that are looked at in one request.
    static let passesMax = 4

    /// Goes on when this node knows all that was decided anywhere before.
    func catchUp(_ body: @escaping () -> Void) {
        hasCaughtUp = true
        loop.ledger.catchUp { [self] result in
            guard !isFinished else { return }
            switch result {
            case .success: body()
            case .failure(.noQuorum) where policy!.settings.enforce && standing(policy!).answer != .deny:
                // What is not known does not pay.
                hasFoundNoQuorum = true
                body()
            case .failure: undecided()
            }
        }
    }

    /// The authentic, unexpired passes for this policy that the request shows: in `PoW-Pass`, then in cookies.
    ///
    /// `isAhead`: one is of an epoch of the keys that this node does not know. Another one may have sealed it a moment ago.
    func presentedPasses(_ policy: PolicyRuntime) -> (passes: [Pass], isAhead: Bool) {
        var passes: [Pass] = []
        var isAhead = false
        func open(_ text: UnsafeRawBufferPointer) -> Pass? {
            do throws(TokenError) { return try state.keys.openPass(text) } catch {
                guard error == .laterEpoch else { return nil }
            }
            // It may have begun since the request did.
            do throws(TokenError) { return try loop.refreshedState().keys.openPass(text) } catch {
                if error == .laterEpoch { isAhead = true }
                return nil
            }
        }
        let now = loop.ledger.now().nanoseconds
        func consider(_ text: UnsafeRawBufferPointer) {
            guard passes.count < Self.passesMax, text.count <= Redemption.tokenCharactersMax,
                let pass = open(text), pass.policy == policy.id.rawValue, pass.expires > now,
                !passes.contains(where: { $0.id == pass.id })
            else { return }
            guard policy.takes(pass.origin, at: loop.quota.offline.origin) else {
                showsPassOfElsewhere = true
                return
            }
            passes.append(pass)
        }
        if let redeemed, redeemed.policy.id == policy.id { passes.append(redeemed.pass) }
        for value in head.all("pow-pass").prefix(Self.passesMax) {
            // Proxies may have joined several fields into a list.
            head.withBytes(value) { bytes in
                for element in bytes.split(separator: UInt8(ascii: ","), maxSplits: Self.passesMax) {
                    let text = element.drop(while: ASCII.isWhiteSpace).prefix { !ASCII.isWhiteSpace($0) }
                    consider(UnsafeRawBufferPointer(rebasing: text))
                }
            }
        }
        for cookie in PassCookies.passes(head, policy: policy.name, isHTTPS: identity!.isHTTPS) {
            var cookie = cookie
            cookie.withUTF8 { consider(UnsafeRawBufferPointer($0)) }
        }
        return (passes, isAhead)
    }
}
