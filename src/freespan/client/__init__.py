"""The client of the blocked reader: finds a bridge, keeps a session, offers a local proxy."""
