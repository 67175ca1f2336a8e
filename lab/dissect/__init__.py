"""Reads packets as a censor can: STUN, DTLS, TLS, HTTP and DNS, as far as they are not encrypted. Pure.

Formats: STUN RFC 8489, DTLS 1.2 RFC 6347 and 1.3 RFC 9147, TLS RFC 8446. Truncated or malformed data is ignored.
"""
