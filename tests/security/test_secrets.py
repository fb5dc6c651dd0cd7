"""Protects what must not be guessed from being guessable."""

from __future__ import annotations

import re
import time

from rules.keys import generate, read
from rules.residents import passwords
from rules.residents.sign_in import _read_refresh_token
from tests.build import ApiClient
from tests.residents.signing import a_pair


def test_a_password_costs_what_owasp_advises() -> None:
    """argon2id with 19 MiB and two passes at least, and a salt of its own."""
    one, other = passwords.HASHER.hash("x"), passwords.HASHER.hash("x")
    found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$.+", one)
    assert found, one
    assert (int(found[1]), int(found[2])) >= (19 * 1024, 2)
    assert one != other


def test_a_refresh_token_has_256_bits_that_nobody_can_foresee(api: ApiClient) -> None:
    secrets = {a_pair(api)["refresh_token"].split(".")[2] for _ in range(3)}
    assert len(secrets) == 3
    assert {len(secret) for secret in secrets} == {43}
    assert all(_read_refresh_token(f"1.1.{secret}")[2] != secret.encode() for secret in secrets)


def test_keys_are_256_bits_each_and_all_different() -> None:
    keys = read(generate())
    secrets = {*keys.tokens, keys.index, *keys.data.values()}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3


def test_a_long_password_is_refused_before_it_is_hashed(api: ApiClient) -> None:
    began = time.process_time()
    refused = api.post("/auth/staff", {"username": "x", "password": "x" * 100_000})
    assert refused.status_code == 422
    assert time.process_time() - began < 1
