"""The client, on the machine of the blocked reader: it keeps a session open and offers a local proxy.

    bridge    a volunteer's browser, or a program: passes messages on between client and egress, and can read none
    broker    introduces clients to bridges
    egress    ends the session, and connects to the open internet
    host      the server with broker and egress, known to the client by its invite
    front     another URL that leads to the same host, at a CDN for example

The client keeps a session open all the time, whether a program wants a stream or not:

    Client.run             client.py          one session after the other, each by the transport that comes next
      │ dial(transport)                       (TransportSelector, transports.py; Evidence, evidence.py)
      │                                       ◀── dial(…) ── LinkManager (link_manager.py), for further links: it
      ▼                                                      owns the bond and does what LinkController decides
    Dialer                 dialer.py          makes a peer connection, and its offer while the connection to the host
      │                                       is opened (ice_servers.py: with which STUN and TURN servers)
      │ open_request(), send(offer)
      ▼
    Rendezvous             rendezvous.py      asks the host at its endpoints (endpoints.py: in which order)
      │ POST /v1/rendezvous
      ▼
    the broker, which answers with a bridge's answer

A program waits for the open session and gets a stream of it:

    a program
      │ HTTP or SOCKS
      ▼
    LocalProxy             local_proxy/       parses the request
      │ open_stream(target)
      ▼
    Client.tunnel          client.py          waits until a session is open
      │ connect(target)
      ▼
    ClientTunnel           ../tunnel/         asks the egress for a stream to the target

Lanes, which are further links to the same bridge, need no broker: see `lanes/`.
"""
