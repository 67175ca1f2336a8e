"""The one room that writes to terminals."""
