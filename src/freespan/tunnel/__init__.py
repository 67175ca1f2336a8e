"""The tunnel: QUIC and HTTP/3 (aioquic) over a link, the part that no bridge can read."""
