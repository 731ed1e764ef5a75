"""The encryption of WeCom's callbacks, and what makes one refused.

Official pages 90968 (the scheme) and 90930 (callbacks): AES-256-CBC under the decoded EncodingAESKey, its first 16
bytes as the initial vector; padding by PKCS#7 to 32 bytes; in it 16 random bytes, the message's length (4 bytes,
big-endian), the message and the receive id: the corp id for a self-built app, empty for an intelligent bot (101033).
The signature is the SHA-1, in hex, of token, timestamp, nonce and cipher text, sorted and joined.
"""

import base64
import hashlib
import hmac
import secrets
import time
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

OLDEST = 300  # seconds: a callback that was signed longer ago is a replay
_BLOCK = 32  # bytes that the padding fills up to; AES itself needs 16
_RANDOM, _LENGTH = 16, 4  # bytes before the message


class Refused(Exception):
    """A callback that isn't WeCom's, or not for us, or broken. The text says why, for the log, and quotes nothing."""


class Sealed(NamedTuple):
    """An encrypted message, in base64, and its signature."""

    encrypted: str
    signature: str


class Box:
    """Opens and seals messages under one callback's token and key."""

    def __init__(self, token: str, aes_key: str, receive_id: str) -> None:
        """`aes_key`: EncodingAESKey, 43 characters; the bits that the last one has too many may be anything."""
        self._token, self._receive_id = token, receive_id.encode()
        key = base64.b64decode(aes_key + "=")
        self._cipher = Cipher(AES(key), CBC(key[:16]))

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> str:
        """The message in a cipher text. Refused: the signature, the padding or the receive id is wrong."""
        ours = self._signature(timestamp, nonce, encrypted)
        if not hmac.compare_digest(ours.encode(), signature.encode(errors="replace")):
            raise Refused("the signature is wrong")
        try:
            decryptor = self._cipher.decryptor()
            padded = decryptor.update(base64.b64decode(encrypted, validate=True)) + decryptor.finalize()
            return self._message(padded)
        except ValueError:  # of the base64, the blocks or the UTF-8
            raise Refused("it can't be decrypted") from None

    def seal(self, message: str, timestamp: str, nonce: str) -> Sealed:
        """A message as cipher text, signed."""
        text = message.encode()
        plain = secrets.token_bytes(_RANDOM) + len(text).to_bytes(_LENGTH) + text + self._receive_id
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher.encryptor()
        encrypted = base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()
        return Sealed(encrypted, self._signature(timestamp, nonce, encrypted))

    def _message(self, padded: bytes) -> str:
        pad = padded[-1] if padded else 0
        if not (1 <= pad <= _BLOCK and padded.endswith(bytes([pad]) * pad)):
            raise Refused("the padding is broken")
        content = padded[_RANDOM:-pad]
        length, rest = int.from_bytes(content[:_LENGTH]), content[_LENGTH:]
        if len(rest) < length:
            raise Refused("it is shorter than it says")
        if rest[length:] != self._receive_id:
            raise Refused("it is for another receiver")
        return rest[:length].decode()

    def _signature(self, *parts: str) -> str:
        joined = "".join(sorted((self._token, *parts)))
        return hashlib.sha1(joined.encode(errors="replace"), usedforsecurity=False).hexdigest()


def check_age(timestamp: str) -> None:
    """Refused: by the real clock, a callback was signed more than five minutes ago (or will be)."""
    if not (timestamp.isascii() and timestamp.isdecimal() and abs(time.time() - int(timestamp[:12])) <= OLDEST):
        raise Refused("it is too old, or not of this time")
