"""Who a stranger is, as far as the host wants to know, and what one of them may use.

    Source                 source.py     an address under a keyed hash that changes daily
    RateBudgets            rate.py       how often something may be done from one source
    Shares                 shares.py     what is held for each source, and whose must go when there is too much
    greediest              greediest.py  whose must go when too many bytes are held at a moment
    SourceReader           requests.py   the source of a request or of a connection

An address is known only where it arrives: nothing here keeps, logs or reports one.
"""
