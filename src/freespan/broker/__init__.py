"""The broker: introduces clients to bridges."""
