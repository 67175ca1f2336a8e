"""The bond: several links that act as one. `docs/protocol/bond.md` describes what it sends.

The modules, from the outside to the inside; the ones that come first use the ones that come later:

    bond.py, arrival.py     asyncio: links, timers, callbacks. They do what the core decides
    core.py, events.py      the core, and the events that it returns. Read these first
    stats.py                how a bond and its links are at one moment
    sender.py               packets, acknowledgements and probes become messages of links
      scheduler.py          which link a packet takes
      send_buffer.py        packets until they are acknowledged
      acks.py               when an acknowledgement is due
    reordering.py           packets that arrive out of order
    health.py               which links are suspected, lagging, timed out or to be probed
    loss_detector.py        loss signals on the links, by
      loss_signals.py       what counts as one, and what excuses a pause
    link_table.py           the links of a bond, with
      closed_links.py       those that have left
      link_state.py         one link: what is in flight on it, and
        congestion.py       its congestion window
        record_protection.py, session_key.py    its keys
          admission.py          what a client shows first
    settings.py             what one end decides by itself

This module imports none of them, because a client reads the settings long before it needs a bond.
"""
