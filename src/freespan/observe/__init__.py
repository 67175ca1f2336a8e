"""What freespan tells about itself: counters and redacted logs, nothing that identifies a reader."""
