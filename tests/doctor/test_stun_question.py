"""STUN questions, and answers of any kind."""

from __future__ import annotations

import ipaddress

import pytest
from aioice import stun
from hypothesis import example, given
from hypothesis import strategies as st

from freespan.broker.stun import binding_answer
from freespan.doctor.stun_question import ID_SIZE, binding_request, mapped_address

ID = bytes(range(ID_SIZE))


@pytest.mark.parametrize("address", ["192.0.2.7", "198.51.100.255", "2001:db8::7", "::1"])
def test_the_hosts_own_server_answers_it(address: str) -> None:
    answer = binding_answer(binding_request(ID), (address, 4_321))
    assert answer is not None
    assert mapped_address(answer, ID) == ipaddress.ip_address(address)


def test_other_attributes_are_passed_over() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, ID)
    message.attributes["SOFTWARE"] = "any"
    message.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.9", 1)
    assert mapped_address(bytes(message), ID) == ipaddress.ip_address("203.0.113.9")


def test_the_answer_to_another_question_is_none() -> None:
    answer = binding_answer(binding_request(ID), ("192.0.2.7", 1))
    assert answer is not None
    assert mapped_address(answer, bytes(ID_SIZE)) is None


@given(st.binary(max_size=120))
@example(binding_request(ID))
def test_any_bytes(data: bytes) -> None:
    mapped_address(data, ID)


@given(st.data())
def test_any_changed_answer(data: st.DataObject) -> None:
    answer = bytearray(binding_answer(binding_request(ID), ("192.0.2.7", 1)) or b"")
    for place in data.draw(st.lists(st.integers(0, len(answer) - 1), max_size=4)):
        answer[place] = data.draw(st.integers(0, 255))
    mapped_address(bytes(answer[: data.draw(st.integers(0, len(answer)))]), ID)
