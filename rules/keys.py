"""The secrets of a deployment: one file, read once.

- `token`: signs access tokens (HMAC-SHA256). Only we verify them.
- `codes`: Ed25519 keys for what others verify, such as a resident's code at a door without a network. The first one
  signs, all of them verify, so a new key can be put in front while codes of the old one are still about.
- `data`: AES-256-GCM keys by name, for what is encrypted at rest. The first one encrypts, all of them decrypt.
- `index`: keys the hashes by which encrypted values are looked up.

`python3 -m rules.keys` prints a new keys file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


class KeysUnreadable(ValueError):
    """The keys file is not what it should be. The message names the entry, never its value."""


@dataclass(frozen=True, slots=True)
class CodeKey:
    """One Ed25519 key pair. Its id is the RFC 7638 thumbprint of its public half."""

    id: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey

    @classmethod
    def from_seed(cls, seed: bytes) -> CodeKey:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key()
        # RFC 7638, section 3: the required members in lexicographic order, no white space.
        thumbprint = f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64url(public.public_bytes_raw())}"}}'
        return cls(_base64url(hashlib.sha256(thumbprint.encode()).digest()), private, public)

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037)."""
        x = _base64url(self.public.public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig", "alg": "EdDSA"}


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything secret that the rules need."""

    token: bytes
    codes: tuple[CodeKey, ...]
    data: dict[str, bytes]
    index: bytes

    def index_of(self, value: str) -> bytes:
        """The keyed hash under which a value is looked up."""
        return hmac.digest(self.index, value.encode(), "sha256")

    def seal(self, value: str, context: str) -> bytes:
        """Encrypt a value; it can be opened in the same context (its table, column and row) only."""
        key_id, key = next(iter(self.data.items()))
        nonce = os.urandom(NONCE_BYTES)
        return key_id.encode() + b":" + nonce + AESGCM(key).encrypt(nonce, value.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what `seal` made. Raises InvalidTag in another context, after a change, or without its key."""
        key_id, _, rest = sealed.partition(b":")
        nonce, encrypted = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        key = self.data.get(key_id.decode(errors="replace"))
        if key is None or len(nonce) < NONCE_BYTES:
            raise InvalidTag
        return AESGCM(key).decrypt(nonce, encrypted, context.encode()).decode()

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys by which codes are verified (RFC 7517, section 5)."""
        return {"keys": [key.jwk() for key in self.codes]}


def generate() -> str:
    """A new keys file."""
    document = {
        "token": _secret(),
        "codes": [_secret()],
        "data": {f"k{secrets.token_hex(3)}": _secret()},
        "index": _secret(),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def read_or_make(path: Path) -> Keys:
    """Keys from a file, which is made, for its owner's eyes only, where there is none. Raises KeysUnreadable.

    Of two that make one at once, one wins and both read the winner's: the file appears whole, or not at all.
    """
    if not path.exists():
        handle, draft = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # readable by its owner only
        with os.fdopen(handle, "w") as file:
            file.write(generate())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return read(path.read_text())


def read(document: str) -> Keys:
    """Keys from the text of a keys file. Raises KeysUnreadable, which names the entry that is wrong."""
    try:
        entries = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise KeysUnreadable(f"the keys file is not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise KeysUnreadable("the keys file is not a JSON object")
    codes, data = entries.get("codes"), entries.get("data")
    if not (isinstance(codes, list) and codes and isinstance(data, dict) and data):
        raise KeysUnreadable("the keys file needs a list `codes` and an object `data`, each with one key at least")
    for name in data:
        if not KEY_NAME.fullmatch(name):
            raise KeysUnreadable(
                f"the key name `{name}` in `data` must be 1 to 32 letters, digits, dashes, underscores"
            )
    return Keys(
        token=_key_bytes("token", entries.get("token")),
        codes=tuple(CodeKey.from_seed(_key_bytes(f"codes[{n}]", code)) for n, code in enumerate(codes)),
        data={name: _key_bytes(f"data.{name}", key) for name, key in data.items()},
        index=_key_bytes("index", entries.get("index")),
    )


def _secret() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _key_bytes(name: str, value: Any) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysUnreadable(f"the entry `{name}` of the keys file must be {KEY_BYTES} bytes in base64")
    return key


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.stdout.write(generate())
