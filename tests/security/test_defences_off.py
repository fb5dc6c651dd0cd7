"""Protects the table of docs/security.md from tests that would pass anyway: each defence here is taken away, and the test
that is named for it must fail.

Whatever is patched is patched for the call alone. The lines of the table that stand here are marked ✂.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import jwt
import orjson
import pytest
from argon2 import PasswordHasher
from flask import Flask

from blueprints.edge import caller, documentation, fields, guards, limits, once, parser, problems, request_log, room
from blueprints.edge.limits import Limits
from blueprints.wechat import pushing
from rules import csv_text
from rules.activities import looking
from rules.checkins import codes, signing
from rules.keys import Keys, generate, read
from rules.residents import lock_out, passwords, sign_in, tokens
from rules.residents.passwords import CredentialsWrong
from rules.residents.tokens import Owner
from rules.work import Actor, Work
from tests.checkins.test_door_codes import at_door
from tests.checkins.test_scan import door
from tests.edge.test_idempotency import me
from tests.security.test_limits import limit
from tests.security.test_lock_out import checker, clock

__all__ = ["at_door", "checker", "clock", "door", "limit", "me"]  # fixtures of the tests that are called here

TakeAway = Callable[[pytest.MonkeyPatch, Flask], None]


@dataclass(frozen=True)
class Defence:
    """What is taken away, and the test that must fail then."""

    name: str
    test: str  #: folder/file::function below tests/
    take_away: TakeAway
    given: dict[str, Any] = field(default_factory=dict)  #: the parameters of one of the test's cases
    #: LookupError: the test looked for a header or a code that isn't in the answer any more.
    noticed_by: tuple[type[BaseException], ...] = (AssertionError, LookupError, pytest.fail.Exception)


def put(target: Any, name: str, value: Any) -> TakeAway:
    return lambda patched, _app: patched.setattr(target, name, value)


def believe_every_signature(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    trusting = {"verify_signature": False, "verify_aud": False, "verify_iss": False, "verify_exp": True}

    def decode(token: str, *_key: Any, **_wishes: Any) -> Any:
        return jwt.api_jwt.decode_complete(token, options=trusting)

    patched.setattr(tokens.jwt, "decode_complete", decode)


def take_any_type_of_token(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    decode = jwt.decode_complete

    def any_type(*args: Any, **kwargs: Any) -> Any:
        decoded = decode(*args, **kwargs)
        return decoded | {"header": decoded["header"] | {"typ": tokens.TYPE}}

    patched.setattr(tokens.jwt, "decode_complete", any_type)


def believe_every_code(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    decode = jwt.decode

    def unsigned(token: str, *_key: Any, **_wishes: Any) -> Any:
        return decode(token, options={"verify_signature": False})

    patched.setattr(signing.jwt, "decode", unsigned)


def look_at_a_password_only_where_a_name_is_known(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    check = passwords.check_password

    def in_haste(credentials: Any, password: str) -> int:
        if credentials.staff_id is None:
            raise CredentialsWrong
        return check(credentials, password)

    patched.setattr(passwords, "check_password", in_haste)


def lock_known_names_only(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    count = lock_out.count_attempt

    def known_only(work: Any, keys: Keys, username: str) -> None:
        if passwords.find_credentials(work, username).staff_id is not None:
            count(work, keys, username)

    patched.setattr(sign_in, "count_attempt", known_only)


def send_no_headers(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    patched.setattr(guards.SecurityHeaders, "_missing", lambda _self, _path, _headers: ())


def let_other_origins_read(patched: pytest.MonkeyPatch, app: Flask) -> None:
    def allow(response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    patched.setitem(app.after_request_funcs, None, [*app.after_request_funcs[None], allow])


def take_any_field(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    lenient = parser.Parser.DEFAULT_UNKNOWN_BY_LOCATION | {"json": "exclude"}
    patched.setattr(parser.Parser, "DEFAULT_UNKNOWN_BY_LOCATION", lenient)


def tell_what_went_wrong(patched: pytest.MonkeyPatch, app: Flask) -> None:
    def with_the_inside(error: Exception) -> Any:
        return problems.problem(500, "server.error", f"Traceback: {error!r}")

    patched.setitem(app.error_handler_spec[None][None], Exception, with_the_inside)


def seal_for_any_place(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    seal, unseal = Keys.seal, Keys.open
    patched.setattr(Keys, "seal", lambda self, value, _context: seal(self, value, "x"))
    patched.setattr(Keys, "open", lambda self, sealed, _context: unseal(self, sealed, "x"))


def set_a_cookie(patched: pytest.MonkeyPatch, app: Flask) -> None:
    def with_cookie(response: Any) -> Any:
        response.set_cookie("session", "x")
        return response

    patched.setitem(app.after_request_funcs, None, [*app.after_request_funcs[None], with_cookie])


def see_only_letters(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    letters = SimpleNamespace(category=lambda _: "Lo", normalize=lambda _form, text: text)
    patched.setattr(fields, "unicodedata", letters)


def let_every_role_do(patched: pytest.MonkeyPatch, app: Flask) -> None:
    one_place(patched, app)
    patched.setattr(Actor, "holds", lambda _self, _role: True)


def one_place(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    patched.setattr(Actor, "may", lambda _self, _role, _path: True)


def take_tokens_from_the_address(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    def read(needs: str) -> Any:
        names = ("token", "access_token", "authorization")
        token = next((caller.request.args[name] for name in names if name in caller.request.args), None)
        if token is None:
            return caller.read_caller(needs)
        owner = tokens.read_access_token(room.house().keys, token)
        return caller.Caller(owner, owner.town_id)

    patched.setattr(room, "read_caller", read)


def let_headers_lead(patched: pytest.MonkeyPatch, app: Flask) -> None:
    answer = app.wsgi_app

    def led(environ: dict[str, Any], start: Any) -> Any:
        environ["PATH_INFO"] = environ.get("HTTP_X_ORIGINAL_URL", environ["PATH_INFO"])
        environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
        return answer(environ, start)

    patched.setattr(app, "wsgi_app", led)


def seal_nothing(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    patched.setattr(Keys, "seal", lambda _self, value, _context: value.encode())


def one_family(work: Work, keys: Keys, owner: Owner) -> Any:
    return sign_in._issue(work, keys, owner, family_id=1, token_id=work.new_id())


def let_everybody_in(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    patched.setattr(room, "authorise", lambda _work, found, _needs: Actor(found.owner.kind, found.owner.id))


def kept_as_it_is(patched: pytest.MonkeyPatch, _app: Flask) -> None:
    patched.setattr(sign_in, "hashlib", SimpleNamespace(sha256=lambda secret: SimpleNamespace(digest=lambda: secret)))


DEFENCES = [
    Defence("no role above its place", "edge/test_permissions.py::test_a_role_does_not_hold_above_its_node", one_place),
    Defence(
        "one role for one thing",
        "edge/test_permissions.py::test_another_role_on_the_right_node_is_not_the_role",
        let_every_role_do,
    ),
    Defence(
        "fields that any body may have",
        "security/test_requests.py::test_every_write_with_a_body_refuses_what_it_does_not_know",
        take_any_field,
    ),
    Defence(
        "the end of closed accounts",
        "residents/test_refresh.py::test_a_closed_account_is_out_at_once_and_stays_out",
        put(caller, "identify", lambda _work, owner: Actor(owner.kind, owner.id)),
    ),
    Defence(
        "the end by a sign-out",
        "residents/test_refresh.py::test_a_sign_out_ends_access_and_refresh_tokens_of_all_families_at_once",
        put(sign_in, "sign_out", lambda _work: None),
    ),
    Defence("secrets as hashes", "residents/test_refresh.py::test_a_secret_is_kept_as_its_hash_only", kept_as_it_is),
    Defence(
        "the place of what is sealed",
        "residents/test_keys.py::test_what_is_sealed_can_not_be_opened_in_another_context",
        seal_for_any_place,
    ),
    Defence(
        "limits of writes",
        "security/test_limits.py::test_writes_are_counted_once_more",
        put(Limits, "check_request", lambda _self: None),
    ),
    Defence(
        "limits of passwords",
        "security/test_limits.py::test_passwords_are_tried_so_often_from_one_address",
        put(limits, "PASSWORDS", ""),
    ),
    Defence(
        "WeChat's signature",
        "wechat/test_push.py::test_who_cannot_sign_is_turned_away",
        put(pushing, "_require_signature", lambda: None),
        {"method": "GET", "changes": {"signature": "0" * 40}},
        (TypeError,),  # the answer is no problem document, and not even JSON
    ),
    Defence(
        "caches that keep nothing",
        "edge/test_guards.py::test_answers_are_not_stored_and_the_documents_assets_may_be",
        send_no_headers,
    ),
    Defence(
        "JSON by its type",
        "security/test_requests.py::test_a_form_of_another_site_is_no_request_of_ours",
        put(parser.Parser, "load_json", lambda _self, req, _schema: orjson.loads(req.get_data())),
    ),
    Defence(
        "no cookies",
        "security/test_requests.py::test_no_answer_sets_a_cookie_and_a_cookie_signs_nobody_in",
        set_a_cookie,
    ),
    Defence(
        "words without control characters",
        "security/test_injection.py::test_control_characters_and_names_of_nothing_are_refused",
        see_only_letters,
        {"written": "王\x1b[31m"},
    ),
    Defence(
        "one request for one key",
        "edge/test_idempotency.py::test_a_key_used_for_another_request_is_a_mismatch_and_changes_nothing",
        put(once, "_fingerprint", lambda: b"x" * 32),
    ),
    Defence(
        "codes that end",
        "checkins/test_scan.py::test_a_code_is_good_for_a_minute_and_a_little_grace",
        put(codes, "GRACE_SECONDS", 10**6),
    ),
    Defence(
        "the signature of access tokens",
        "residents/test_tokens.py::test_another_algorithm_is_refused",
        believe_every_signature,
        {"algorithm": "none"},
    ),
    Defence(
        "the type of access tokens",
        "residents/test_tokens.py::test_another_type_is_refused",
        take_any_type_of_token,
        {"typ": "JWT"},
    ),
    Defence(
        "the end of access tokens",
        "residents/test_tokens.py::test_a_token_that_was_good_a_moment_ago_expires_all_the_same",
        put(tokens, "utc_now", lambda: datetime(2000, 1, 1, tzinfo=UTC)),
    ),
    Defence(
        "the token's version in the database",
        "residents/test_refresh.py::test_a_new_token_version_revokes_access_at_once",
        put(caller, "identify", lambda _work, owner: Actor(owner.kind, owner.id)),
    ),
    Defence(
        "the end of a family whose token came back",
        "residents/test_refresh.py::test_a_used_token_that_comes_back_late_ends_the_family",
        put(sign_in, "_end_family", lambda *_: sign_in.RefreshInvalid()),
    ),
    Defence(
        "the signature of codes",
        "checkins/test_identifying.py::test_what_was_forged_without_the_private_key_is_unknown",
        believe_every_code,
    ),
    Defence(
        "places of roles",
        "edge/test_permissions.py::test_a_role_does_not_hold_beside_its_node",
        put(Actor, "may", lambda _self, _role, _path: True),
        {"role": "scanner"},
    ),
    Defence(
        "fields that a body may have",
        "security/test_requests.py::test_nobody_makes_more_of_themselves",
        take_any_field,
    ),
    Defence(
        "the lock of a name",
        "security/test_lock_out.py::test_a_name_is_locked_after_some_failures_also_for_the_right_password_and_opens_by_itself",
        put(sign_in, "count_attempt", lambda *_: None),
    ),
    Defence(
        "the lock of names that nobody has",
        "security/test_lock_out.py::test_a_name_that_nobody_has_is_answered_like_one_that_somebody_has",
        lock_known_names_only,
    ),
    Defence(
        "the same time for unknown names",
        "residents/test_sign_in.py::test_an_unknown_name_costs_as_much_as_a_wrong_password",
        look_at_a_password_only_where_a_name_is_known,
    ),
    Defence(
        "a slow hash of passwords",
        "security/test_secrets.py::test_a_password_costs_what_owasp_advises",
        put(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    ),
    Defence(
        "limits of callers",
        "security/test_limits.py::test_a_resident_who_asks_too_often_is_told_when_to_come_back",
        put(Limits, "check_request", lambda _self: None),
    ),
    Defence(
        "limits of addresses",
        "security/test_limits.py::test_a_token_that_is_none_is_no_way_around_the_address",
        put(limits, "_caller", lambda authorization: authorization or None),
    ),
    Defence(
        "distrust of X-Forwarded-For",
        "security/test_limits.py::test_nobody_escapes_by_telling_another_address",
        put(limits, "client_address", lambda peer, told, _trusted: told or peer),
    ),
    Defence(
        "the security headers",
        "edge/test_guards.py::test_every_answer_carries_the_security_headers",
        send_no_headers,
    ),
    Defence("one origin", "security/test_requests.py::test_no_answer_is_for_another_origin", let_other_origins_read),
    Defence(
        "words without wildcards",
        "security/test_injection.py::test_a_search_looks_for_words_and_for_nothing_else",
        put(looking, "_ESCAPED", {}),
        {"words": "%"},
    ),
    Defence(
        "text that stays text in tables",
        "security/test_injection.py::test_a_statement_is_no_formula",
        put(csv_text, "_BEGINS_FORMULA", ("\0",)),
    ),
    Defence(
        "names that show all of themselves",
        "security/test_injection.py::test_what_nobody_sees_is_not_stored",
        put(fields, "visible", lambda text: text),
        {"written": "王\u202e明小", "kept": "王明小"},
    ),
    Defence(
        "ids of requests that are ids",
        "edge/test_guards.py::test_any_other_request_id_is_replaced",
        put(request_log, "REQUEST_ID_PATTERN", request_log.re.compile(r".+")),
        {"wish": "<script>alert(1)</script>"},
    ),
    Defence(
        "what is sealed at rest",
        "residents/test_sign_in.py::test_an_openid_is_nowhere_in_clear",
        seal_nothing,
    ),
    Defence(
        "faults without their inside",
        "edge/test_problems.py::test_a_fault_of_ours_is_answered_without_its_inside",
        tell_what_went_wrong,
    ),
    Defence(
        "files of one folder",
        "edge/test_guards.py::test_the_assets_folder_leads_nowhere_else",
        put(documentation, "send_from_directory", lambda folder, name, **_: (folder / name).read_text()),
        {"path": "../__init__.py"},
    ),
    Defence(
        "keys of access tokens",
        "residents/test_tokens.py::test_a_token_signed_with_what_is_public_or_with_another_key_is_refused",
        believe_every_signature,
        {"key": b"another"},
    ),
    Defence(
        "tokens in their header alone",
        "security/test_requests.py::test_a_token_in_the_address_signs_nobody_in",
        take_tokens_from_the_address,
    ),
    Defence(
        "routes that no header chooses",
        "security/test_requests.py::test_no_header_leads_to_another_route",
        let_headers_lead,
        {"header": "X-Original-URL"},
    ),
    Defence(
        "methods that no header changes",
        "security/test_requests.py::test_no_header_turns_a_reading_into_a_write",
        let_headers_lead,
        {"header": "X-HTTP-Method-Override"},
    ),
    Defence(
        "secrets that nobody foresees",
        "security/test_secrets.py::test_a_refresh_token_has_256_bits_that_nobody_can_foresee",
        put(sign_in, "secrets", SimpleNamespace(token_urlsafe=lambda _bytes: "A" * 43)),
    ),
    Defence(
        "waits that grow",
        "security/test_lock_out.py::test_a_guesser_gets_less_than_a_hundred_tries_in_an_hour",
        put(lock_out, "WAIT_SECONDS_MAX", 60),
    ),
    Defence(
        "refusals that are counted",
        "security/test_table.py::test_refusals_and_limits_are_counted",
        put(problems, "REFUSALS", SimpleNamespace(labels=lambda _code: SimpleNamespace(inc=lambda: None))),
    ),
    Defence(
        "headers that are one line",
        "security/test_injection.py::test_no_header_writes_another",
        put(request_log, "REQUEST_ID_PATTERN", request_log.re.compile(r"(?s).+")),
        {"header": "X-Request-Id"},
    ),
    Defence(
        "a strict reader of JSON",
        "security/test_injection.py::test_a_body_that_wants_to_break_the_reader_is_refused",
        put(parser, "orjson", json),
        {"body": b'{"name": NaN}', "status": 400},
    ),
    Defence(
        "numbers of telephones that don't show",
        "residents/test_phones.py::test_the_sealed_number_and_its_index_do_not_show_it",
        seal_nothing,
        {"keys": read(generate())},
    ),
    Defence(
        "formulas that stay text",
        "monitor/test_export.py::test_a_text_that_looks_like_a_formula_stays_text",
        put(csv_text, "_BEGINS_FORMULA", ("\0",)),
        {"text": "=1+1"},
    ),
    Defence(
        "routes for those who may",
        "residents/test_profile.py::test_nobody_changes_anybody_elses",
        let_everybody_in,
    ),
    Defence(
        "doors of their minute",
        "checkins/test_door_codes.py::test_a_door_that_was_photographed_opens_nothing_a_minute_later",
        put(codes, "GRACE_SECONDS", 10**6),
    ),
    Defence(
        "a family for each sign-in",
        "residents/test_sign_in.py::test_each_sign_in_begins_a_family_of_its_own",
        put(sign_in, "_begin_family", one_family),
    ),
]


@pytest.fixture(autouse=True)
def forget_tokens() -> Iterator[None]:
    """What was believed without its defence is forgotten."""
    yield
    tokens._seen.clear()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.name)
def test_without_a_defence_its_test_fails(app: Flask, request: pytest.FixtureRequest, defence: Defence) -> None:
    path, _, function = defence.test.partition("::")
    test = getattr(import_module("tests." + path.removesuffix(".py").replace("/", ".")), function)
    given = {
        name: defence.given[name] if name in defence.given else request.getfixturevalue(name)
        for name in inspect.signature(test).parameters
    }
    with pytest.MonkeyPatch.context() as patched:
        defence.take_away(patched, app)
        with pytest.raises(defence.noticed_by):
            test(**given)
