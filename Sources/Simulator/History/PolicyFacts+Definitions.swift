import Ledger

extension [PolicyFacts] {
    /// The same policies by the numbers of another revision, in which they and their limits have the same names.
    func given(_ definitions: [PolicyDefinition]) -> [PolicyFacts] {
        map { policy in
            guard let definition = definitions.first(where: { $0.name == policy.name }),
                definition.limits.count == policy.limits.count
            else { return policy }
            var policy = policy
            policy.maxKeys = definition.maxKeys
            for place in policy.limits.indices { policy.limits[place].definition = definition.limits[place] }
            return policy
        }
    }
}
