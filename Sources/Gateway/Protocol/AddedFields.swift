/// Fields that a decision adds to a response, whoever writes it. They take the place of the upstream's of the same names, but
/// for cookies, which are added.
struct AddedFields {
    /// The values of `RateLimit-Policy` and `RateLimit`.
    struct RateLimit {
        var policy: String
        var state: String
    }

    /// What nearly every response under a policy has, and what therefore needs no array.
    var rateLimit: RateLimit?
    var others: [(name: String, value: String)] = []

    var count: Int { others.count + (rateLimit == nil ? 0 : 2) }

    /// Whether a field of the upstream, of this name in lower case, gives way.
    func replaces(_ lower: String) -> Bool {
        if rateLimit != nil, ASCII.isSame("RateLimit", lower) || ASCII.isSame("RateLimit-Policy", lower) { return true }
        return others.contains { ASCII.isSame($0.name, lower) } && lower != "set-cookie"
    }

    func append(to fields: inout [(String, String)]) {
        if let rateLimit {
            fields.append(("RateLimit-Policy", rateLimit.policy))
            fields.append(("RateLimit", rateLimit.state))
        }
        for (name, value) in others { fields.append((name, value)) }
    }
}
