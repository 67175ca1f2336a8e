"""The lab: networks, NATs and censors on one machine, in which the real programs and browsers run.

`python -m lab` is the entry point; docs/lab.md describes the networks and the scenarios.
"""
