"""Measures what freespan promises: `python -m bench` (or `make bench`) a table, and `bench/results.json`."""
