"""Session descriptions that Python and JavaScript filter alike (tests/js/sdp.test.js), and those that are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from freespan.wire.errors import MessageError
from freespan.wire.sdp import Filtered, check_answer, check_offer, filter_sdp, filtered, named_addresses

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "sdp.json").read_text("utf-8"))
CHECKS = {"offer": check_offer, "answer": check_answer}


@pytest.mark.parametrize("vector", VECTORS["filtered"], ids=lambda vector: vector["name"])
def test_what_passes(vector: dict[str, Any]) -> None:
    for allow_private, expected in ((False, vector["public"]), (True, vector["private"])):
        passed = filter_sdp(vector["sdp"], allow_private=allow_private)
        assert passed == expected
        assert filter_sdp(passed, allow_private=allow_private) == passed
        named = named_addresses(passed, allow_private=allow_private)
        assert filtered(vector["sdp"], allow_private=allow_private) == Filtered(passed, named)


@pytest.mark.parametrize("vector", VECTORS["checked"], ids=lambda vector: f"{vector['kind']}: {vector['name']}")
def test_what_is_accepted(vector: dict[str, Any]) -> None:
    check = CHECKS[vector["kind"]]
    if vector["ok"]:
        assert check(vector["sdp"]) == vector["sdp"]
        return
    with pytest.raises(MessageError) as caught:
        check(vector["sdp"])
    assert caught.value.field == vector["kind"]


def test_what_is_left_of_a_good_offer_is_a_good_offer() -> None:
    offers = [vector for vector in VECTORS["filtered"] if vector["name"].startswith("an offer ")]
    assert offers
    for vector in offers:
        assert check_offer(vector["public"])
        assert check_offer(vector["private"])
