"""The commands: options, output for people and programs, exit codes. The work is done by the library (`api`)."""
