"""The framework: plan, store, launch, train, evaluate, track."""
