import Simulator

/// Linearizability by trying every order of the operations, with any of the unanswered left out: slow, short, and with
/// nothing in common with the checker but the model.
struct BruteForce<Model: SequentialModel> {
    let model: Model

    func isLinearizable(_ history: [Operation<Model.Input, Model.Output>]) -> Bool {
        explains(history, from: model.initial)
    }

    private func explains(_ rest: [Operation<Model.Input, Model.Output>], from state: Model.State) -> Bool {
        if rest.allSatisfy({ $0.answer == nil }) { return true }
        for (place, operation) in rest.enumerated() {
            let mustComeLater = rest.contains { other in
                guard let answer = other.answer else { return false }
                return answer.moment < operation.called
            }
            if mustComeLater { continue }
            var others = rest
            others.remove(at: place)
            for reached in model.step(state, operation.input, operation.answer?.output)
            where explains(others, from: reached) {
                return true
            }
        }
        return false
    }
}
