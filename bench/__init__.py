"""The framework: here stand the commands people type, below them the rooms that do the work (docs/architecture.md)."""
