"""Keys change step by step, and meanwhile nobody is signed out and nothing becomes unreadable."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import LargeBinary

from blueprints.edge.house import EXTENSION
from models import Base
from models.administration import AdminDeed
from models.cards import Card
from models.residents import Resident, Role
from rules.checkins.cards import issue_card
from rules.checkins.signing import TokenKind, read_signed
from rules.clock import utc_now
from rules.key_rotation import KeyKind, RotationRefused, prepare, promote, retire, write
from rules.keys import Keys, generate, read
from rules.resealing import SEALED, count_old_seals, reseal
from rules.residents.phones import masked_phone, phone_columns, read_phone
from rules.residents.sign_in import openid_context
from rules.residents.tokens import Owner, TokenInvalid, issue_access_token, read_access_token
from rules.work import SYSTEM, ActorKind
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases

LATER = timedelta(days=5)


def steps(kind: KeyKind, document: str | None = None) -> list[Keys]:
    """The keys before, with a new one waiting, with it in front, and without the old one."""
    documents = [document or generate()]
    documents.append(prepare(documents[-1], kind))
    documents.append(promote(documents[-1], kind, utc_now()))
    documents.append(retire(documents[-1], kind))
    return [read(each) for each in documents]


def test_a_token_of_each_step_is_good_for_the_step_before_and_after() -> None:
    owner = Owner(ActorKind.RESIDENT, 1, 2, 1)
    keys = steps(KeyKind.TOKEN)
    for n, signing in enumerate(keys):
        token = issue_access_token(signing, owner, utc_now())
        for m, reading in enumerate(keys):
            if abs(n - m) <= 1:
                assert read_access_token(reading, token) == owner, (n, m)
    with pytest.raises(TokenInvalid):
        read_access_token(keys[3], issue_access_token(keys[0], owner, utc_now()))


def test_what_each_step_encrypts_the_step_before_and_after_decrypt() -> None:
    keys = steps(KeyKind.DATA)
    for n, sealing in enumerate(keys):
        sealed = sealing.seal("138", "here")
        assert all(reading.open(sealed, "here") == "138" for reading in keys[max(n - 1, 0) : n + 2])
    assert keys[1].is_sealed_with_first(keys[0].seal("138", "here"))
    assert not keys[2].is_sealed_with_first(keys[0].seal("138", "here"))


def test_a_retired_code_key_proves_old_seals_and_opens_no_door() -> None:
    before, *_, after = steps(KeyKind.CODES)
    old = before.codes[0]
    assert old.id not in {key.id for key in after.codes}
    assert old.id not in {jwk["kid"] for jwk in after.jwks()["keys"]}
    assert after.seal_keys()[old.id].public_bytes_raw() == old.public.public_bytes_raw()
    assert {jwk["kid"] for jwk in after.jwks_of_seals()["keys"]} == set(after.seal_keys())


def test_a_step_out_of_turn_is_refused() -> None:
    document = generate()
    for kind in KeyKind:
        waiting = prepare(document, kind)
        for step, at in (
            (lambda text: promote(text, kind, utc_now()), document),  # noqa: B023  at once
            (lambda text: retire(text, kind), document),  # noqa: B023
            (lambda text: retire(text, kind), waiting),  # noqa: B023
            (lambda text: prepare(text, kind), waiting),  # noqa: B023
        ):
            with pytest.raises(RotationRefused):
                step(at)
    assert read(document).index == read(prepare(document, KeyKind.DATA)).index


def test_the_file_is_replaced_whole_and_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(generate())
    path.chmod(0o600)
    before = path.read_text()
    document = prepare(before, KeyKind.TOKEN)
    for _ in range(2):  # a transaction that is tried again writes twice
        write(path, document, before=before)
    assert path.read_text() == document
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ValueError, match="keys file"):
        write(path, "{}", before=document)
    assert path.read_text() == document
    with pytest.raises(RotationRefused, match="changed meanwhile"):  # by who began with the same file
        write(path, prepare(before, KeyKind.DATA), before=before)
    assert path.read_text() == document
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_every_encrypted_column_is_encrypted_anew() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.endswith("_sealed")
    }
    assert {sealed.name for sealed in SEALED} == columns


def test_values_are_encrypted_anew_in_batches_and_what_no_key_opens_is_left(town: TownBuilder) -> None:
    keys = town.house.keys
    phones = {}
    for n in range(5):
        resident = town.resident()
        phones[resident.id] = read_phone(f"1380000000{n}")
        columns = phone_columns(keys, town.id, resident.id, phones[resident.id])
        change = Resident.__table__.update().where(Resident.town_id == town.id, Resident.id == resident.id)
        town.act(None, lambda work: work.core.execute(change.values(**columns)))  # noqa: B023  at once
    foreign = town.resident(openid_sealed=read(generate()).seal("x", "elsewhere"))
    new = keys_with_new_data_key(keys)
    assert town.database.read(town.id, SYSTEM, count_old_seals, new) == 11
    done = reseal(town.database, town.id, new, batch=2)
    assert (done.values, done.unreadable) == (10, 1)
    assert town.database.read(town.id, SYSTEM, count_old_seals, new) == 1
    rows = {row.id: row for row in town.rows(Resident.id, Resident.openid_sealed, Resident.phone_sealed)}
    for id_, phone in phones.items():
        assert new.is_sealed_with_first(rows[id_].phone_sealed)
        assert masked_phone(new, town.id, id_, rows[id_].phone_sealed) == phone.masked
        assert new.open(rows[id_].openid_sealed, openid_context(town.id, id_)) == f"openid-{id_}"
    assert not new.is_sealed_with_first(rows[foreign.id].openid_sealed)
    again = reseal(town.database, town.id, new, batch=2)
    assert (again.values, again.unreadable) == (0, 1)


def keys_with_new_data_key(keys: Keys) -> Keys:
    [(name, key)] = list(read(generate()).data.items())
    return Keys(keys.tokens, keys.codes, {name: key, **keys.data}, keys.index)


@pytest.fixture
def own(sqlite_databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town of a deployment of its own, whose keys the test changes."""
    app = make_app(settings_for(sqlite_databases.make(), tmp_path))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


def call_in(own: TownBuilder, *arguments: str) -> str:
    """`flask admin keys …` in a process that reads the keys now: its exit code and what it prints."""
    app = make_app(own.house.settings)
    done = app.test_cli_runner().invoke(args=("admin", "keys", *arguments))
    app.extensions[EXTENSION].transactions.engine.dispose()
    return f"{done.exit_code}: {done.output}"


def test_the_commands_lead_through_a_change_of_the_data_key(own: TownBuilder) -> None:
    admin, resident = own.staff(Role.ADMIN), own.resident()
    by, path, call = ("--by", admin.name), own.house.settings.keys_file, partial(call_in, own)

    assert call("promote", "data", *by).startswith("1: ")
    assert call("prepare", "data").startswith("1: "), "there is an administrator, and nobody is named"
    assert call("prepare", "data", *by).startswith("0: ")
    assert call("promote", "data", *by).startswith("0: ")
    assert "values are encrypted with old keys" in call("retire", "data", "--anyway", *by)
    assert call("reseal", *by).startswith("0: ")
    assert "may be about" in call("retire", "data", *by)
    before = path.read_text()
    with time_machine.travel(utc_now() + LATER):
        assert call("retire", "data", "--dry-run", *by).startswith("0: ")
        assert path.read_text() == before
        assert call("retire", "data", *by).startswith("0: ")
    keys = read(path.read_text())
    assert len(keys.data) == 1
    [row] = own.rows(Resident.openid_sealed, id=resident.id)
    assert keys.open(row.openid_sealed, openid_context(own.id, resident.id)) == f"openid-{resident.id}"
    [kept] = path.parent.glob("keys.json.until-*")
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (before, 0o600)
    assert not any(secret in call("show") for secret in path.read_text().split('"') if len(secret) > 40)


def test_a_key_that_is_added_while_another_operator_looks_is_not_dropped(
    own: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, path, call = ("--by", own.staff(Role.ADMIN).name), own.house.settings.keys_file, partial(call_in, own)
    call("prepare", "token", *by)
    call("promote", "token", *by)

    def look_long(kind: KeyKind, keys: Keys) -> None:
        monkeypatch.setattr("commands.admin.keys._still_needed", lambda *_: None)
        assert call("prepare", "data", *by).startswith("0: ")

    monkeypatch.setattr("commands.admin.keys._still_needed", look_long)
    refused = call("retire", "token", "--anyway", *by)
    assert refused.startswith("1: ")
    assert "changed meanwhile" in refused
    keys = read(path.read_text())
    assert (len(keys.data), len(keys.tokens)) == (2, 2)
    assert deeds_of(own) == ["keys.prepare.token", "keys.promote.token", "keys.prepare.data"]


def test_a_file_that_can_not_be_written_leaves_no_record_and_one_without_a_record_is_not_written(
    own: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, path, call = ("--by", own.staff(Role.ADMIN).name), own.house.settings.keys_file, partial(call_in, own)
    before = path.read_text()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr("rules.key_rotation.os.fsync", refuse)
        assert "KEYS_FILE can't be written: Permission denied" in call("prepare", "token", *by)
    with monkeypatch.context() as broken:
        broken.setattr("commands.admin.keys.record_deed", refuse)
        assert call("prepare", "token", *by).startswith("1: ")
    assert (path.read_text(), deeds_of(own)) == (before, [])
    assert [each.name for each in path.parent.glob("keys.json*")] == ["keys.json"]


def test_encrypting_anew_is_written_down_before_it_begins(own: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.admin.keys.reseal", break_off)
    assert call_in(own, "reseal", "--by", own.staff(Role.ADMIN).name).startswith("1: ")
    assert deeds_of(own) == ["keys.reseal"]


def deeds_of(own: TownBuilder) -> list[str]:
    return [row.deed for row in sorted(own.rows(AdminDeed.id, AdminDeed.deed))]


def test_a_code_key_goes_once_no_printed_card_needs_it(own: TownBuilder) -> None:
    admin, resident = own.staff(Role.ADMIN), own.resident()
    card = own.act(own.staff(Role.ORGANISER), issue_card, own.house.keys, resident.id)
    by, call = ("--by", admin.name), partial(call_in, own)

    call("prepare", "codes", *by)
    call("promote", "codes", *by)
    assert read_signed(read(own.house.settings.keys_file.read_text()), card.code, TokenKind.CARD)
    with time_machine.travel(utc_now() + LATER):
        assert "1 printed cards" in call("retire", "codes", *by)
        assert own.rows(Card.id, revoked_at=None)
        assert call("retire", "codes", "--anyway", *by).startswith("0: ")
