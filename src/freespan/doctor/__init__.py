"""`freespan doctor`: looks at a host, a bridge or a client at work, and says what is wrong and what to do."""
