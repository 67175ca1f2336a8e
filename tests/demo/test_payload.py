"""The content of downloads."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from freespan.demo.payload import CHUNK, chunks, sha256_of


@given(st.integers(0, 5 * CHUNK))
def test_has_the_size_and_the_hash_that_it_promises(size: int) -> None:
    content = b"".join(chunks(size))
    assert len(content) == size
    assert hashlib.sha256(content).hexdigest() == sha256_of(size)


def test_is_the_same_for_everybody() -> None:
    assert sha256_of(1_000_000) == hashlib.sha256(b"".join(chunks(1_000_000))).hexdigest()
    assert sha256_of(0) == hashlib.sha256(b"").hexdigest()


def test_comes_in_bounded_chunks_that_differ() -> None:
    pieces = list(chunks(3 * CHUNK + 1))
    assert max(map(len, pieces)) == CHUNK
    assert len(set(pieces)) == len(pieces)
