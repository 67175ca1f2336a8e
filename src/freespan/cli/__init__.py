"""The commands; the only room that composes the roles."""
