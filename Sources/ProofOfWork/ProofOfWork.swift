// ProofOfWork
