"""freespan: readers' browsers lend a road out of censored networks."""

__version__ = "0.1.0"
