"""Links: reliable, ordered message pipes with a bounded send queue."""

from freespan.link.base import Link, LinkOwner

__all__ = ["Link", "LinkOwner"]
