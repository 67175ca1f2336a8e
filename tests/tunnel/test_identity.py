import hashlib
import os
import stat
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from freespan.tunnel import identity
from freespan.tunnel.identity import Identity, key_pin, load_or_create_identity, new_identity
from freespan.wire.errors import InputError

FILE = "egress-key.pem"


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
    )


def test_the_pin_is_the_hash_of_the_public_key() -> None:
    one = new_identity()
    spki = one.private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert one.pin == hashlib.sha256(spki).digest() == key_pin(one.certificate)


def test_every_identity_is_another() -> None:
    assert new_identity().pin != new_identity().pin


def test_the_sealing_key_is_derived_so_a_copy_of_the_identity_has_the_same_one() -> None:
    one = new_identity()
    again = Identity(one.private_key, one.certificate)
    assert again.public_sealing_key == one.public_sealing_key == one.sealing_key.public_key().public_bytes_raw()
    assert len(one.public_sealing_key) == 32
    assert new_identity().public_sealing_key != one.public_sealing_key
    assert one.sealing_key.private_bytes_raw() != one.derived(b"another use")


def test_a_certificate_names_nobody_and_does_not_expire() -> None:
    certificate = new_identity().certificate
    assert certificate.subject.rfc4514_string() == "CN=egress"
    assert certificate.not_valid_after_utc.year > 2100


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_the_first_start_makes_a_key_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    load_or_create_identity(folder)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in folder.iterdir()] == [FILE]


def test_the_second_start_finds_the_same_key(tmp_path: Path) -> None:
    first = load_or_create_identity(tmp_path)
    written = (tmp_path / FILE).read_bytes()
    assert load_or_create_identity(tmp_path).pin == first.pin
    assert (tmp_path / FILE).read_bytes() == written


def test_a_second_process_does_not_overwrite_the_key_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find no key; the other one is done first."""
    ours = new_identity

    def while_the_other_is_faster() -> Identity:
        monkeypatch.setattr(identity, "new_identity", ours)
        (tmp_path / FILE).write_bytes(pem(others.private_key))
        return ours()

    others = ours()
    monkeypatch.setattr(identity, "new_identity", while_the_other_is_faster)
    assert load_or_create_identity(tmp_path).pin == others.pin
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert load_or_create_identity(tmp_path).pin == load_or_create_identity(tmp_path).pin
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (b"", "is not a private key"),
        (b"hello", "is not a private key"),
        (b"\xff\x00", "is not a private key"),
        (pem(new_identity().private_key)[:100], "is not a private key"),
        (pem(new_identity().private_key, b"secret"), "is not a private key"),
        (pem(rsa.generate_private_key(65_537, 2_048)), "is not a P-256 key"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "is not a P-256 key"),
    ],
    ids=["empty", "text", "bytes", "cut", "locked", "RSA", "P-384"],
)
def test_a_file_that_is_not_such_a_key_is_left_alone(tmp_path: Path, contents: bytes, complaint: str) -> None:
    (tmp_path / FILE).write_bytes(contents)
    with pytest.raises(InputError, match=complaint) as caught:
        load_or_create_identity(tmp_path)
    assert caught.value.field == "data"
    assert "move it away" in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == contents


def test_a_data_folder_that_is_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="data: not a directory") as caught:
        load_or_create_identity(tmp_path / "file" / "inside")
    assert caught.value.field == "data"


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)  # as root, permissions would stop nobody
    with pytest.raises(InputError, match="permission denied"):
        load_or_create_identity(tmp_path)


def test_a_key_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(InputError, match="cannot be used"):
        load_or_create_identity(tmp_path)
