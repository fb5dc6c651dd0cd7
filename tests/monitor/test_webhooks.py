"""Protects that new snapshots are told to those who asked, signed, and that nobody has us call our own neighbours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import insert

from blueprints.edge.house import House
from jobs.delivery import calling
from jobs.delivery.courier import Courier
from jobs.delivery.worker import deliver_due
from models.jobs import Outbox
from models.monitor import WHOLE_TOWN, Slice, Snapshot, SnapshotValue
from models.residents import Role
from models.webhooks import Webhook
from rules.clock import utc_now
from rules.monitor import webhooks
from rules.monitor.addresses import is_callable_url, is_public
from rules.monitor.measures import MEASURES
from rules.monitor.webhooks import tell_of_snapshot
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.plans import steps_of

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "::127.0.0.1",
    "4000::1",
    "not an address",
]
REFUSED_URLS = [
    "http://example.com/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://user:secret@example.com/",
    "https://example.com\\@10.0.0.1/",
    "https://example.com/#part",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https:///path",
    "ftp://example.com/",
    "file:///etc/passwd",
    "https://exämple.com/",
    "https://example.com/a b",
    "https://example.com/\r\nX: y",
    "https://example.com/" + "a" * 500,
    "",
]
DAY = date(2026, 11, 22)
SEEN, HIDDEN = "of-the-test.seen", "of-the-test.hidden"


@dataclass
class Receiver:
    """A server outside of the house, that keeps what it is sent and answers as it is told."""

    server: ThreadingHTTPServer
    statuses: list[int] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    stalls: bool = False

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?town=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if found.stalls:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not closed.wait(0.02):
                    try:
                        self.wfile.write(b"x")
                    except OSError:
                        return
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    closed = threading.Event()
    found = Receiver(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    closed.set()
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture
def admin(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.staff(Role.ADMIN))


def courier_of(house: House, *, private: bool = True) -> Courier:
    return Courier(house.transactions, house.keys, house.wechat, webhooks_private=private)


def hook(town: TownBuilder, url: str) -> tuple[int, str]:
    """A webhook and its secret, made as where private addresses are allowed."""
    made = town.act(
        town.staff(Role.ADMIN),
        lambda work: webhooks.add_webhook(work, town.house.keys, url, "市里", private_allowed=True),
    )
    return made.id, made.secret


def snapshot(town: TownBuilder, changes: dict[str, int], *, is_told: bool = True) -> None:
    """A snapshot of DAY, and word of it."""
    n = len(town.rows(Snapshot.n)) + 1

    def deed(work: Work) -> None:
        row = {"town_id": town.id, "day": DAY, "recorded_at": work.now}
        work.core.execute(insert(Snapshot), row | {"n": n, "as_of": work.now, "changes": len(changes)})
        place = {"territory_id": WHOLE_TOWN, "slice": Slice.ALL, "key": ""}
        for measure, change in changes.items():
            work.core.execute(insert(SnapshotValue), row | place | {"measure": measure, "change": change})
            at = place | {"territory_id": town.community_id}
            work.core.execute(insert(SnapshotValue), row | at | {"measure": measure, "change": 1000})
        if is_told:
            tell_of_snapshot(work, DAY)

    town.database.write(town.id, SYSTEM, deed)


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> None:
    a_measure = next(iter(MEASURES.values()))
    known = {
        SEEN: replace(a_measure, name=SEEN, confidential=False),
        HIDDEN: replace(a_measure, name=HIDDEN, confidential=True),
    }
    monkeypatch.setattr(webhooks, "MEASURES", known)


def of_town(town: TownBuilder, *columns: Any) -> list[Any]:
    return town.rows(*columns)


def test_the_days_totals_are_sent_signed_once_committed_and_a_correction_is_sent_again(
    town: TownBuilder, receiver: Receiver, measures: None
) -> None:
    _, secret = hook(town, receiver.url)
    snapshot(town, {SEEN: 7, HIDDEN: 5, "of-an-older-version": 3})
    assert receiver.taken == [], "nothing leaves within the transaction"
    deliver_due(courier_of(town.house))
    snapshot(town, {SEEN: -2})
    deliver_due(courier_of(town.house))
    deliver_due(courier_of(town.house))
    assert [json.loads(body)["data"]["totals"] for _, body in receiver.taken] == [{SEEN: 7}, {SEEN: 5}]
    document = json.loads(receiver.taken[0][1])
    assert (document["type"], document["data"]["day"], document["data"]["town"]) == (
        "monitor.snapshot",
        "2026-11-22",
        town.code,
    )
    for headers, body in receiver.taken:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 2
    [(failures, delivered_at)] = of_town(town, Webhook.failures, Webhook.delivered_at)
    assert failures == 0
    assert delivered_at is not None


def test_the_totals_of_a_day_are_found_by_the_key_however_many_numbers_there_are(
    town: TownBuilder, receiver: Receiver, measures: None
) -> None:
    hook(town, receiver.url)
    snapshot(town, {SEEN: 7})
    steps = steps_of(town, "monitor_snapshot_value", lambda: deliver_due(courier_of(town.house)))
    assert [step for step in steps if "measure=? AND territory_id=? AND slice=? AND day=?" in step]
    assert len(receiver.taken) == 1


def test_the_signature_is_that_of_the_published_example() -> None:
    """From the specification's reference libraries."""
    secret, name = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signature = webhooks.sign(secret, name, 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_not_taken_is_sent_again_as_it_was_then_and_after_too_many_failures_no_more(
    town: TownBuilder, receiver: Receiver, measures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "FAILURES_MAX", 3)
    webhook_id, _ = hook(town, receiver.url)
    receiver.statuses = [500, 302, 429]
    snapshot(town, {SEEN: 7})
    begun = utc_now()
    for minutes in range(0, 20, 5):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=False):
            deliver_due(courier_of(town.house))
            snapshot(town, {SEEN: 1}, is_told=False)
    assert len(receiver.taken) == 3, "the redirect was not followed, and after three failures it is over"
    assert len({(headers["webhook-id"], body) for headers, body in receiver.taken}) == 1
    [(failure, disabled_at, disabled_by)] = of_town(town, Webhook.failure, Webhook.disabled_at, Webhook.disabled_by)
    assert (failure, disabled_at is not None, disabled_by) == ("http_429", True, None)
    assert [row.payload["webhook_id"] for row in town.rows(Outbox.payload, topic="webhook.disabled")] == [
        str(webhook_id)
    ]
    assert {row.failure for row in town.rows(Outbox.failure, topic="monitor.snapshot")} == {"webhook_disabled"}
    before = len(town.rows(Outbox.id, topic="monitor.snapshot"))
    snapshot(town, {SEEN: 1})
    assert len(town.rows(Outbox.id, topic="monitor.snapshot")) == before, "who is disabled isn't told"


def test_failures_are_counted_in_a_row_and_anew_for_who_is_enabled_again(
    town: TownBuilder, admin: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "FAILURES_MAX", 2)
    webhook_id, _ = hook(town, "https://example.com/hook")

    def after(*calls: str) -> tuple[int, bool]:
        for call in calls:
            if call == "taken":
                town.act(None, webhooks.record_taken, webhook_id)
            else:
                town.act(None, webhooks.record_failed, webhook_id, call)
        [(failures, disabled_at)] = of_town(town, Webhook.failures, Webhook.disabled_at)
        return failures, disabled_at is None

    assert after("http_500", "taken", "http_500") == (1, True)
    assert after("http_500") == (2, False)
    assert admin.call("PATCH", f"/monitor/webhooks/{webhook_id}", {"is_enabled": True}).status_code == 200
    assert after("http_500") == (1, True)


def test_who_answers_gone_is_called_no_more_at_once(town: TownBuilder, receiver: Receiver, measures: None) -> None:
    hook(town, receiver.url)
    receiver.statuses = [410]
    snapshot(town, {SEEN: 7})
    deliver_due(courier_of(town.house))
    [(failure, disabled_at)] = of_town(town, Webhook.failure, Webhook.disabled_at)
    assert (failure, disabled_at is not None) == ("gone", True)


# Whom we don't call


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet_is_not_called(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_an_address_of_the_public_internet_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_an_address_on_the_web_that_can_not_be_right_is_refused(url: str) -> None:
    assert not is_callable_url(url, private_allowed=False)


def test_a_name_is_judged_when_it_is_called_and_the_call_goes_to_what_was_judged(
    town: TownBuilder, receiver: Receiver, measures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that led to a public address when it was registered leads inside later; the control arm lets it."""
    url = f"https://hook.example.com:{receiver.port}/"
    looked_up: list[str] = []

    def lead_inside(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lead_inside)
    with pytest.raises(calling.CallFailed, match="address_not_public"):
        calling.post(url, b"{}", {})
    assert receiver.taken == []
    control = calling.post(url.replace("https", "http"), b"{}", {}, private_allowed=True)
    assert (control, len(receiver.taken)) == (204, 1)
    assert looked_up == ["hook.example.com"] * 2, "once for each call: there is no second look that could differ"


def test_a_name_that_leads_inside_as_well_is_not_called(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    leads = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (to, receiver.port)) for to in ("127.0.0.1", "8.8.8.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: leads)
    with pytest.raises(calling.CallFailed, match="address_not_public"):
        calling.post(f"https://hook.example.com:{receiver.port}/", b"{}", {})


def test_what_was_registered_when_more_was_allowed_is_not_called(
    town: TownBuilder, receiver: Receiver, measures: None
) -> None:
    hook(town, receiver.url)
    snapshot(town, {SEEN: 7})
    deliver_due(courier_of(town.house, private=False))
    assert receiver.taken == []
    assert [row.failure for row in town.rows(Webhook.failure)] == ["url_invalid"]


def test_the_other_side_must_prove_its_name(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate("hook.example.com", certificate, key)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    receiver.server.socket = served.wrap_socket(receiver.server.socket, server_side=True)
    leads_here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: leads_here)
    trusted = ssl.create_default_context(cafile=certificate)
    ours, theirs = (f"https://{name}:{receiver.port}/" for name in ("hook.example.com", "other.example.com"))
    assert calling.post(ours, b"{}", {}, private_allowed=True, context=trusted) == 204
    for url, context in ((theirs, trusted), (ours, None)):
        with pytest.raises(calling.CallFailed, match="certificate"):
            calling.post(url, b"{}", {}, private_allowed=True, context=context)
    assert len(receiver.taken) == 1


def test_who_talks_slowly_is_hung_up_on(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "TOTAL_SECONDS", 0.2)
    receiver.stalls = True
    began = time.monotonic()
    with pytest.raises(calling.CallFailed, match="timeout"):
        calling.post(receiver.url, b"{}", {}, private_allowed=True)
    assert time.monotonic() - began < 2


def test_a_name_that_is_not_found_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(calling, "LOOK_UP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(5) and [])
    began = time.monotonic()
    with pytest.raises(calling.CallFailed, match="timeout"):
        calling.post("https://slow.example.com/", b"{}", {})
    assert time.monotonic() - began < 3
    is_over.set()


def test_to_look_up_a_name_counts_for_the_time_that_a_call_has(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, look_up = [0.0], socket.getaddrinfo

    def look_up_slowly(*args: Any, **how: Any) -> Any:
        clock[0] += calling.TOTAL_SECONDS
        return look_up(*args, **how)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
    monkeypatch.setattr(calling, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with pytest.raises(calling.CallFailed, match="timeout"):
        calling.post(receiver.url, b"{}", {}, private_allowed=True)
    assert receiver.taken == []


def test_a_secured_line_that_is_hung_up_says_nothing_in_the_clear() -> None:
    ours, theirs = socket.socketpair()
    line = calling._Line(ours)
    line.channel = ssl.create_default_context().wrap_socket(
        ours, server_hostname="hook.example.com", do_handshake_on_connect=False
    )
    line.hang_up()
    assert line.channel.read() == b"", "it is still a secured one, and at its end"
    assert theirs.recv(9) == b""
    line.channel.close()
    theirs.close()


# What administrators do


def test_a_secret_is_shown_when_it_is_made_and_never_again(town: TownBuilder, admin: ApiClient) -> None:
    made = admin.post("/monitor/webhooks", {"url": "https://example.com/hook", "description": "市里"})
    assert made.status_code == 201, made.text
    shown = made.get_json()
    secret = shown.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert admin.get("/monitor/webhooks").get_json() == {"items": [shown], "next_cursor": None}
    assert secret not in str(town.contents())
    renewed = admin.post(f"/monitor/webhooks/{shown['id']}/secret").get_json()
    assert renewed.pop("secret") != secret
    assert renewed == shown


def test_a_webhook_is_changed_disabled_enabled_tried_and_removed(
    town: TownBuilder, admin: ApiClient, receiver: Receiver
) -> None:
    webhook_id, _ = hook(town, receiver.url)
    path = f"/monitor/webhooks/{webhook_id}"
    changed = admin.call("PATCH", path, {"description": "区里", "is_enabled": False}).get_json()
    assert (changed["url"], changed["description"], changed["is_enabled"]) == (receiver.url, "区里", False)
    problem_of(admin.post(f"{path}/test"), 409, "webhook.disabled")
    assert admin.call("PATCH", path, {"is_enabled": True}).get_json()["disabled_at"] is None
    assert admin.post(f"{path}/test").status_code == 202
    deliver_due(courier_of(town.house))
    [(_, body)] = receiver.taken
    assert json.loads(body)["type"] == "webhook.test"
    assert admin.post(f"{path}/test").status_code == 202
    assert admin.delete(path).status_code == 204
    deliver_due(courier_of(town.house))
    assert len(receiver.taken) == 1, "who is gone isn't called any more"
    for answer in (admin.delete(path), admin.call("PATCH", path, {}), admin.post(f"{path}/test")):
        problem_of(answer, 404, "webhook.unknown")


def test_what_can_not_be_registered_is_refused_and_leaves_nothing(
    town: TownBuilder, admin: ApiClient, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = {"url": "https://example.com/hook", "description": "市里"}
    problem_of(admin.post("/monitor/webhooks", wish | {"url": "https://10.0.0.1/"}), 422, "webhook.url_invalid")
    problem_of(admin.post("/monitor/webhooks", wish | {"description": ""}), 422, "request.invalid")
    assert town.rows(Webhook.id) == []
    made = admin.post("/monitor/webhooks", wish).get_json()
    inside = {"url": "https://10.0.0.1/"}
    problem_of(admin.call("PATCH", f"/monitor/webhooks/{made['id']}", inside), 422, "webhook.url_invalid")
    problem_of(admin.post("/monitor/webhooks", wish), 409, "webhook.url_taken")
    monkeypatch.setattr(webhooks, "WEBHOOKS_MAX", 2)
    other = admin.post("/monitor/webhooks", wish | {"url": "https://example.com/other"}).get_json()
    problem_of(admin.call("PATCH", f"/monitor/webhooks/{other['id']}", {"url": wish["url"]}), 409, "webhook.url_taken")
    problem_of(admin.post("/monitor/webhooks", wish | {"url": "https://example.com/third"}), 409, "webhook.too_many")
    for role, at in ((Role.MANAGER, None), (Role.AUDITOR, None), (Role.ADMIN, town.community_id)):
        caller = api.as_(town.staff(role, at=at))
        problem_of(caller.delete(f"/monitor/webhooks/{made['id']}"), 403, "auth.forbidden")
    assert len(town.rows(Webhook.id)) == 2


def make_certificate(name: str, certificate_file: Any, key_file: Any) -> None:
    """A certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
