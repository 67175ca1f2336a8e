"""The lab: small networks of Linux network namespaces, in which the real programs and real browsers run unchanged.

`python -m lab` is the way in; docs/lab.md tells how a network is described and what the scenarios show.
"""
