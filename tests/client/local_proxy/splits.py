"""Feeding a parser the same bytes in different pieces must come to the same end."""

import itertools

from hypothesis import strategies as st

from freespan.client.local_proxy.request import ProxyRequest, RequestError, RequestParser

Outcome = tuple[ProxyRequest | None, tuple[str, bytes] | None, bytes]
"""The request, or reason and reply of the error, or neither; and what was sent back in between."""


def feed(parser: RequestParser, pieces: list[bytes]) -> Outcome:
    """What comes of `pieces`. Once there is a request, the rest is added to its `first_bytes`."""
    sent = b""
    for number, piece in enumerate(pieces):
        try:
            request = parser.receive_data(piece)
        except RequestError as error:
            return None, (str(error), error.reply), sent + parser.data_to_send()
        sent += parser.data_to_send()
        if request is not None:
            rest = b"".join(pieces[number + 1 :])
            return type(request)(request.target, request.first_bytes + rest, request.accepted), None, sent  # type: ignore[call-arg]
    return None, None, sent


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces, cut at `places`."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(edges)]


places = st.lists(st.integers(0, 100_000), max_size=8)
