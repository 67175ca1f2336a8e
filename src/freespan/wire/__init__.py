"""What is on the wires: messages to bytes and back, without sockets, clocks or randomness."""
