"""The secrets of a deployment: one file, read once.

- `token`: signs access tokens (HMAC-SHA256), one key or a list. The first one signs, all of them verify. Only we do.
- `codes`: Ed25519 keys for what others verify, such as a resident's code at a door without a network. The first one
  signs, all of them verify, so a new key can be put in front while codes of the old one are still about.
- `data`: AES-256-GCM keys by name, for what is encrypted at rest. The first one encrypts, all of them decrypt.
- `index`: keys the hashes by which encrypted values are looked up.
- `retired_codes`, if there are any: public halves of keys that sign nothing any more. They prove old seals and open no door.
- `changed`, if there is any: since when the first key of a kind has been the first.

`python3 -m rules.keys` prints a new keys file; `rules.key_rotation` changes one.
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
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
        return cls(_jwk(public)["kid"], private, public)

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037)."""
        return _jwk(self.public)


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything secret that the rules need."""

    tokens: tuple[bytes, ...]
    codes: tuple[CodeKey, ...]
    data: dict[str, bytes]
    index: bytes
    retired_codes: tuple[Ed25519PublicKey, ...] = ()
    changed: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def token(self) -> bytes:
        """The key that signs access tokens."""
        return self.tokens[0]

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

    def is_sealed_with_first(self, sealed: bytes) -> bool:
        """Whether a value was encrypted with the key that encrypts now."""
        return sealed.startswith(self.first_data_key.encode() + b":")

    @property
    def first_data_key(self) -> str:
        """The name of the key that encrypts."""
        return next(iter(self.data))

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys by which codes are verified (RFC 7517, section 5)."""
        return {"keys": [key.jwk() for key in self.codes]}

    def seal_keys(self) -> dict[str, Ed25519PublicKey]:
        """The public keys by which seals are verified, by their ids, those of earlier times included."""
        return {_jwk(key)["kid"]: key for key in (*(code.public for code in self.codes), *self.retired_codes)}

    def jwks_of_seals(self) -> dict[str, list[dict[str, str]]]:
        """The same as a JSON Web Key Set, for those who verify an export."""
        return {"keys": [*self.jwks()["keys"], *(_jwk(key) for key in self.retired_codes)]}


def _jwk(public: Ed25519PublicKey) -> dict[str, str]:
    x = _base64url(public.public_bytes_raw())
    # RFC 7638, section 3: the required members in lexicographic order, no white space.
    thumbprint = _base64url(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint, "use": "sig", "alg": "EdDSA"}


def generate() -> str:
    """A new keys file."""
    document = {
        "token": make_secret(),
        "codes": [make_secret()],
        "data": {make_name(): make_secret()},
        "index": make_secret(),
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
    try:
        document = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysUnreadable(f"the keys file can't be read: {type(error).__name__}") from None
    return read(document)


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
    tokens = entries.get("token")
    if not isinstance(tokens, list):
        tokens = [tokens]
    retired = _listed("retired_codes", entries.get("retired_codes", []))
    return Keys(
        tokens=tuple(_key_bytes("token", token) for token in _listed("token", tokens, at_least=1)),
        codes=tuple(CodeKey.from_seed(_key_bytes(f"codes[{n}]", code)) for n, code in enumerate(codes)),
        data={name: _key_bytes(f"data.{name}", key) for name, key in data.items()},
        index=_key_bytes("index", entries.get("index")),
        retired_codes=tuple(Ed25519PublicKey.from_public_bytes(_key_bytes("retired_codes", key)) for key in retired),
        changed=_moments(entries.get("changed", {})),
    )


def make_secret() -> str:
    """A new key of KEY_BYTES bytes, as it stands in the file."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def make_name() -> str:
    """A new name of a key for data."""
    return f"k{secrets.token_hex(3)}"


def _listed(name: str, value: Any, *, at_least: int = 0) -> list[Any]:
    if not (isinstance(value, list) and len(value) >= at_least):
        raise KeysUnreadable(f"the entry `{name}` of the keys file must be a list")
    return value


def _moments(value: Any) -> dict[str, datetime]:
    try:
        moments = {str(kind): datetime.fromisoformat(moment) for kind, moment in value.items()}
    except (AttributeError, TypeError, ValueError):
        moments = None
    if moments is None or any(moment.tzinfo is None for moment in moments.values()):
        raise KeysUnreadable("the entry `changed` of the keys file must be moments with their zone, by kind")
    return moments


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
