"""The client, on the machine of the blocked reader: it keeps a session open and offers a local proxy.

From "a program wants a stream" to "an offer leaves":

    a program
      │ HTTP or SOCKS5
      ▼
    LocalProxy             local_proxy/       parses the request
      │ open_stream(target)
      ▼
    Client                 client.py          has an open session, or opens one by the transport that comes next
      │                                       (TransportSelector, transports.py)
      │ dial(transport)                       ◀── dial(…) ── LinkManager (link_manager.py), for further links: it
      ▼                                                      owns the bond and does what LinkController decides
    Dialer                 dialer.py          makes a peer connection, and its offer while the connection to the host
      │                                       is opened (ice_servers.py: with which STUN and TURN servers)
      │ open_request(), send(offer)
      ▼
    Rendezvous             rendezvous.py      asks the host at its endpoints (endpoints.py: in which order)
      │ POST /v1/rendezvous
      ▼
    the broker, which answers with a bridge's answer

Lanes, which are further links to the same bridge, need no broker: see `lanes/`.
"""
