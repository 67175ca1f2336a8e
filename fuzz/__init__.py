"""Fuzzing of everything that reads what strangers send (docs/fuzzing.md): `make fuzz`."""
