"""Measures the speed, size and cost of freespan: `python -m bench` (or `make bench`) prints a table and writes JSON."""
