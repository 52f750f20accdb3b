import Ledger

/// How a loop's slices pay for a charge.
public enum Payment: Sendable {
    /// Everything is paid. The states are in the charge's order.
    case paid([LimitState])
    /// Nothing was taken: what the ledger would say, `refused` or `denied`, is known already.
    case refused(ChargeOutcome)
    /// Nothing was taken: for the limits at these places slices are worth while and lacking. Ask the book for each, by
    /// ``SliceBook/want(_:policy:least:loop:now:)``, and pay again when all are answered.
    case wanting([Int])
    /// The ledger must be charged this; what has slices is reserved until it answers. The reservation is settled exactly
    /// once.
    case rest(Charge, Reservation)
}
