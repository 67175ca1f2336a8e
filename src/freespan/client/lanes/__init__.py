"""Lanes: further links to a bridge that the session already has a link to.

SCTP halves its rate at each loss, so on a lossy path one association is the bottleneck, and several to the same bridge
carry several times as much. Whether that helps is found out while the session runs:

    once a second, for each bridge:

    bytes, loss signals ────────────────────────────────┐
    round trips of messages ──┐                         ▼
    round trips of ICE ───────┴─▶ QueueLocator ─▶ LaneController ─▶ how many links
                                   queueing.py      controller.py         │
                                     (pure)            (pure)             ▼
                                                                     LaneManager ─── opens and closes them
                                                                      manager.py
                                                                          │ open()
                                                                          ▼
                        the bridge ◀── offer, answer ──────────────  LaneSignalling
                                  on the first link's second channel   signalling.py

A lane is a peer connection of its own between the same two machines, and a link of its own in the bond. The broker
takes no part.
"""
