"""Counters and redacted logs, with nothing that identifies a reader."""
