"""Says of a certificate that a server shows what is wrong with it. Pure.

A client learns why it cannot trust one; whoever runs a host must know what to repair, and so must hear of one that runs
out soon. X.509 itself is read by the library `cryptography`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from freespan.doctor.findings import Finding, bad, good
from freespan.wire.causes import EXPIRED, NOT_YET_VALID, UNKNOWN_ISSUER, WRONG_NAME, Cause

_SOON_PART = 5
"""A certificate should have been renewed with a third of its time left; with a fifth left, that is not working."""
_SOON_DAYS = timedelta(days=14)
"""Certificates with a long life are renewed later."""
_RENEW = "renew it, and look why that did not happen by itself (certbot renew --dry-run, or the log of your server)"
SELF_SIGNED, INCOMPLETE_CHAIN, SOON = "certificate_self_signed", "certificate_incomplete_chain", "certificate_ends_soon"


def finding_of_good_certificate(der: bytes, now: datetime) -> Finding:
    """What is to be said of a certificate that is trusted. `now` has a time zone."""
    shown = x509.load_der_x509_certificate(der)
    left = shown.not_valid_after_utc - now
    life = shown.not_valid_after_utc - shown.not_valid_before_utc
    if left < min(life / _SOON_PART, _SOON_DAYS):
        return bad(SOON, f"the certificate runs out in {_in_words(left)}", _RENEW, hinders=False)
    return good(f"trusted, and valid for {_in_words(left)} more")


def finding_of_bad_certificate(cause: Cause, chain: Sequence[bytes], now: datetime) -> Finding:
    """What is wrong with a certificate that is not trusted.

    Args:
        cause: why a client does not trust it.
        chain: what the server has sent (DER), its own certificate first; empty if that is unknown.
        now: the local time, with a time zone.
    """
    shown = [x509.load_der_x509_certificate(each) for each in chain]
    own = shown[0] if shown else None
    if cause.code == EXPIRED:
        since = f" {_in_words(now - own.not_valid_after_utc)} ago" if own else ""
        return bad(cause.code, f"the certificate has run out{since}", _RENEW)
    if cause.code == NOT_YET_VALID:
        after = f" in {_in_words(own.not_valid_before_utc - now)}" if own else ""
        text = f"the certificate becomes valid only{after}"
        return bad(cause.code, text, "set the clock of the machine that made it, or of this one, right")
    if cause.code == WRONG_NAME:
        advice = "get one for the name in the host's URL, or repair which server answers for this name (server_name)"
        return bad(cause.code, "the certificate is for another name", advice)
    if cause.code == UNKNOWN_ISSUER and own is not None:
        if own.issuer == own.subject:
            text = "the certificate is self-signed: nobody but this server vouches for it"
            return bad(SELF_SIGNED, text, "get one of an authority that browsers trust, such as Let's Encrypt")
        if not any(each.subject == own.issuer for each in shown[1:]):
            text = "the server sends its own certificate without the one of the authority that has signed it"
            advice = "give it the whole chain (fullchain.pem of certbot): some browsers fetch the rest, programs do not"
            return bad(INCOMPLETE_CHAIN, text, advice)
    return bad(cause.code, cause.sentence, cause.advice)


def _in_words(time: timedelta) -> str:
    hours = max(0, int(time.total_seconds() // 3_600))
    if hours >= 48:
        return f"{hours // 24} days"
    return "less than an hour" if not hours else "1 hour" if hours == 1 else f"{hours} hours"
