import Ledger
import Testing

@testable import Gateway

/// Which limit a refusal names.
extension AdmissionTests {
    @Test func aRefusalNamesTheLimitThatClearsLast() {
        var admission = Self.admission()
        _ = admission.begin()
        let states = [Self.state(1), Self.state(0), Self.state(90)]
        #expect(
            admission.charged(.refused(limit: 1, retryAfterNanoseconds: 9, limits: states))
                == .finish(.workRequired(retryAfterNanoseconds: 9, states: states, refusing: 1))
        )
        admission = Self.admission(passes: 1, ceiling: [Self.charge(9), Self.charge(10)])
        _ = admission.begin()
        let ceiling = [Self.state(5), Self.state(0)]
        #expect(
            admission.charged(.refused(limit: 1, retryAfterNanoseconds: 9, limits: ceiling))
                == .finish(.overLimit(retryAfterNanoseconds: 9, states: ceiling, refusing: 1))
        )
    }
}
