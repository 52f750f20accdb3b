/// Everything that must pass the suite. Another server of the port adds its factory here.
let ledgerFactories: [LedgerFactory] = [.local, .cluster]
