"""The egress: ends sessions, and connects their streams to targets.

    Egress                    server.py      the WebSocket route; serves the streams of all sessions
      ├── Sessions            sessions.py    which links belong to which session (bounds.py: who has to leave)
      │     ├── Reception     reception.py   whose first message this is, and whether they are admitted (guests.py)
      │     └── EgressSession session.py     a tunnel on a bond
      └── Dialer              dialer.py      TCP connections to targets (policy.py, resolver.py, own_addresses.py)

`pace.py` holds up what an invite copies faster than its rate. `settings.py` has what a host can set.
"""
