import Foundation

/// The seed of a random test: TOLLGATE_SEED if it is set, else a new one; printed in either case.
func seed(_ test: String = #function) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap(UInt64.init) ?? .random(in: .min ... .max)
    print("\(test): TOLLGATE_SEED=\(seed)")
    return seed
}

/// How often a random test is run: TOLLGATE_RUNS if it is set.
func runs(_ count: Int) -> Int { ProcessInfo.processInfo.environment["TOLLGATE_RUNS"].flatMap(Int.init) ?? count }
