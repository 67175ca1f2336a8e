"""A script as browsers are sent it: without its comments and its indentation, which are a third of it."""

from __future__ import annotations


def plain_script(source: str) -> str:
    """Leave out lines that are comments or empty, and the blanks around the others.

    It knows lines and no syntax, so a comment beside code stays, and no line of a template literal may begin as a
    comment does (`tests/web/test_plain_script.py` looks at all of ours).
    """
    kept = []
    in_comment = False
    for line in map(str.strip, source.split("\n")):
        code = line
        if in_comment or code.startswith("/*"):
            _, end, rest = code.partition("*/")
            code, in_comment = rest.lstrip(), not end
        if code and not code.startswith("//"):
            kept.append(code)
    return "\n".join(kept) + "\n"
