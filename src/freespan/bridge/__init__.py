"""The headless bridge: the volunteer without a browser."""
