"""Who may use a host: the invites that it has given out, and what each of them may take.

    Tokens        tokens.py       a token is the id of an invite and a MAC: whoever has none can make none up (pure)
    InviteLimits  limits.py       what an invite allows, and how people write it (pure)
    InviteStore   invites.py      the names, limits and usage of all invites, in a database in the data folder
    Guests        guests.py       what a running host asks: may this one in, and what have they used (pure)
    keeping()     keeper.py       keeps the guests and the database in step while a host runs

The database holds names and sums by day. It holds no token and no key, never when somebody was here last, and never
where anybody went.
"""
