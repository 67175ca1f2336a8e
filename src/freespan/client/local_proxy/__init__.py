"""The local proxy: HTTP/1.1 and SOCKS on one port of the reader's machine.

server.py          accepts connections, and has a conversation on each
listening.py       listens at loopback addresses, by IPv4 and IPv6
peers.py           tells whose programs they are, and lets only the reader's in
credentials.py     the user name and the password that programs must give, where the reader wants that
conversation.py    the interface between the server and a protocol: what one connection of a program carries
parsers.py         chooses the parser by the first byte
tunnels.py         the conversation of one request that becomes a tunnel
request.py         the interface between that conversation and a parser: RequestParser and ProxyRequest
http1.py           the conversation of a program that speaks HTTP/1.1
http_request.py    reads the heads of requests: CONNECT, and absolute-form
refusal.py         what the local proxy itself answers over HTTP
exchange.py        lets one HTTP request and its response pass, and nothing else
repair.py          mends the heads of responses; response_body.py finds the ends of their bodies
passage.py         lets an exchange pass between a program and a stream
kept_streams.py    keeps streams for the next request of the same program
hanging_up.py      notices that a program hangs up while its request waits
socks5.py          SOCKS5
socks4.py          SOCKS 4 and 4a
socks_target.py    what either of the two names as its target
"""
