"""Lanes: further links to a bridge that the session already has one to."""
