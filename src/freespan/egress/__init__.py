"""The egress: opens the connections that readers ask for, within the host's policy."""
