"""The local proxy: HTTP/1.1 and SOCKS on one port of the reader's machine.

server.py          accepts connections, and has a conversation on each
listening.py       listens at loopback addresses, by IPv4 and IPv6
peers.py           tells whose programs they are, and lets only the reader's in
credentials.py     the user name and the password that programs must give, where the reader wants that
conversation.py    the interface between the server and a protocol: what one connection of a program carries
parsers.py         chooses the parser by the first byte
tunnels.py         the conversation of one request that becomes a tunnel
request.py         the interface between that conversation and a parser: RequestParser and ProxyRequest
http1.py           HTTP/1.1: CONNECT and absolute-form requests; with request_body.py and response_head.py
exchange.py        lets one HTTP request and its response pass, and nothing else
socks5.py          SOCKS5
socks4.py          SOCKS 4 and 4a
socks_target.py    what either of the two names as its target
"""
