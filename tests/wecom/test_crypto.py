"""The encryption of callbacks: the official samples, and that nothing is opened that was touched."""

import base64
import secrets

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from api.wecom import crypto
from api.wecom.crypto import Box, Refused, check_age

# The official samples (pages 90968 and 90930): token, EncodingAESKey, receive id.
A = ("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
B = ("hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo", "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt", "ww1436e0e65a779aee")
# And callbacks: signature, timestamp, nonce, cipher text.
A_URL = (
    "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
    "1409659589",
    "263014780",
    "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
)
A_MESSAGE = (
    "477715d11cdb4164915debcba66cb864d751f3e6",
    "1409659813",
    "1372623149",
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q==",
)
B_URL = (
    "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb",
    "1476416373",
    "47744683",
    "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA==",
)
B_MESSAGE = (
    "0c3914025cb4b4d68103f6bfc8db550f79dcf48e",
    "1476422779",
    "1597212914",
    "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGzBhzTtRLNshw2AEew+kkY"
    "cD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3JWcoD4Z5jaU0y9GSh010wsHF8KZD24YhmZH4ch4Ka"
    "7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQHE7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQDCWjayJOpcwocugux082f49H"
    "KYg84EpHSGXAyh+/oxwaWbvL6aSDPOYuPDGOCI8jmnKiypE+",
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize(
    ("keys", "callback", "plain"), [(A, A_URL, "1616140317555161061"), (B, B_URL, "1288432023552776189")]
)
def test_an_official_echo_is_opened(keys: tuple[str, str, str], callback: tuple[str, ...], plain: str) -> None:
    assert Box(*keys).open(*callback) == plain


@pytest.mark.parametrize(("keys", "callback", "said"), [(A, A_MESSAGE, "hello"), (B, B_MESSAGE, "你好")])
def test_an_official_message_is_opened(keys: tuple[str, str, str], callback: tuple[str, ...], said: str) -> None:
    opened = Box(*keys).open(*callback)
    assert fromstring(opened).findtext("ToUserName") == keys[2]
    assert fromstring(opened).findtext("Content") == said


@pytest.mark.parametrize(("keys", "callback"), [(A, A_URL), (A, A_MESSAGE), (B, B_URL), (B, B_MESSAGE)])
def test_what_is_sealed_with_the_official_random_bytes_is_the_official_cipher_text(
    keys: tuple[str, str, str], callback: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    signature, timestamp, nonce, encrypted = callback
    box = Box(*keys)
    message = box.open(*callback)
    decryptor = box._cipher.decryptor()
    monkeypatch.setattr(crypto.secrets, "token_bytes", lambda _: decryptor.update(base64.b64decode(encrypted))[:16])
    assert box.seal(message, timestamp, nonce) == (encrypted, signature)


def test_another_receiver_s_message_is_refused() -> None:
    with pytest.raises(Refused, match="receiver"):
        Box(A[0], A[1], B[2]).open(*A_MESSAGE)
    sealed = Box(B[0], B[1], "").seal("你好", "1", "2")
    with pytest.raises(Refused, match="receiver"):
        Box(*B).open(sealed.signature, "1", "2", sealed.encrypted)


@given(TEXTS, st.sampled_from(["", "ww1436e0e65a779aee", "企业"]), st.text("0123456789abcdef", max_size=20))
def test_what_is_sealed_is_opened(message: str, receiver: str, nonce: str) -> None:
    box = Box(B[0], B[1], receiver)
    sealed = box.seal(message, "1476422779", nonce)
    assert box.open(sealed.signature, "1476422779", nonce, sealed.encrypted) == message
    assert len(base64.b64decode(sealed.encrypted)) % 32 == 0


@given(st.sampled_from([A_URL, A_MESSAGE]), st.integers(0, 3), st.data())
def test_any_bit_that_is_flipped_is_refused(callback: tuple[str, ...], part: int, data: st.DataObject) -> None:
    raw = bytearray(callback[part].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    touched = list(callback)
    touched[part] = raw.decode()
    with pytest.raises(Refused):
        Box(*A).open(*touched)


@given(st.integers(0, 255), st.data())
def test_a_cipher_text_whose_end_is_touched_is_refused_though_it_is_signed(flip: int, data: st.DataObject) -> None:
    box = Box(*A)
    raw = bytearray(base64.b64decode(A_MESSAGE[3]))
    raw[data.draw(st.integers(len(raw) - 32, len(raw) - 1))] ^= flip or 1
    encrypted = base64.b64encode(raw).decode()
    with pytest.raises(Refused):
        box.open(box._signature("1", "2", encrypted), "1", "2", encrypted)


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "=",
        "AAAA",
        "not base64 at all",
        "你好",
        "\ud800",
        *(base64.b64encode(b"x" * n).decode() for n in (16, 32, 33)),
    ],
)
def test_a_broken_cipher_text_is_refused_though_it_is_signed(encrypted: str) -> None:
    box = Box(*B)
    with pytest.raises(Refused):
        box.open(box._signature("1", "2", encrypted), "1", "2", encrypted)


@pytest.mark.parametrize("plain", [b"", b"\0\0\0\5x", b"\xff" * 4 + b"x" * 20, b"\0\0\0\2\xff\xfe"])
@pytest.mark.parametrize("pad", [None, 0, 33, 255])
def test_a_broken_inside_is_refused(plain: bytes, pad: int | None) -> None:
    box = Box(*B)
    inside = secrets.token_bytes(16) + plain + (B[2].encode() if plain.endswith(b"\xfe") else b"")
    room = 32 - len(inside) % 32
    padded = inside + bytes([room if pad is None else pad]) * room
    encryptor = box._cipher.encryptor()
    encrypted = base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
    with pytest.raises(Refused):
        box.open(box._signature("1", "2", encrypted), "1", "2", encrypted)


@pytest.mark.parametrize("signature", ["", A_URL[0][:-1], A_URL[0].upper(), A_URL[0] + "0", "签名", "\ud800"])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(Refused, match="signature"):
        Box(*A).open(signature, *A_URL[1:])


def test_age_is_told_by_the_real_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto.time, "time", lambda: 1_700_000_000.9)
    for good in ("1700000000", "1699999701", "1700000300"):
        check_age(good)
    for bad in ("1699999700", "1700000301", "", "0", "-1", "1e9", "１７００００００００", "1700000000" * 500):
        with pytest.raises(Refused):
            check_age(bad)
