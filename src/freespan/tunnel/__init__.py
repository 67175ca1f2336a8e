"""The tunnel: QUIC and HTTP/3 (aioquic) over a link, which no bridge can read.

    ClientTunnel, ServerTunnel      client.py, server.py     what each end does with the events of its session
      ├── QuicDriver                driver.py                one QUIC connection over one link; the event loop, timers
      │     └── LinkQuic            quic.py                  aioquic, set up for a link (congestion.py, tickets.py)
      │           └── BoundedQuic     bounded_quic.py         what the other end may ask of it
      │                 └── ReadyStreams    ready_streams.py    which streams have something to send
      └── StreamTable               streams.py               the open streams, and HTTP/3 (http3.py)
            └── TunnelStream        stream.py                one stream (flow_control.py, drain.py)

`splice.py` copies between a stream and a TCP connection; `identity.py` has the key of an egress.
"""
