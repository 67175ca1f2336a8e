"""The local proxy: what programs on the reader's machine talk to."""
