"""A room at the edge: a blueprint whose routes say what they need and are handed a unit of work.

Here, and nowhere else, a right is checked and shown in OpenAPI, a unit of work is opened and committed, and an
`Idempotency-Key` is kept. A route names the refusals that its rule can raise, so that the document lists every status
and every code that a caller may meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Response
from flask_smorest import Blueprint

from blueprints.edge.caller import ANYONE, NEEDS, OPEN_TO_ALL, SIGNING_IN, Caller, authorise, read_caller
from blueprints.edge.house import house
from blueprints.edge.once import HEADER, answer_once
from blueprints.edge.parser import Parser
from blueprints.edge.problems import STATUS_OF
from blueprints.edge.schemas import instance_of
from blueprints.edge.shared import answer_shared
from rules.errors import RuleError
from rules.work import VISITOR, Transactions, Work

View = Callable[..., Response]
Refusals = Iterable[type[RuleError]]
T = TypeVar("T")

KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "8 to 128 visible ASCII characters; the same key with the same request has one effect and one answer.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{8,128}$"},
}
SECURITY: dict[str, list[dict[str, list[str]]]] = {SIGNING_IN: [{}], ANYONE: [{}, {"bearer": []}]}
TOWN_PARAMETER = {
    "name": "town",
    "in": "query",
    "description": "The town's code, for callers who are not signed in.",
    "schema": {"type": "string", "maxLength": 64},
}


@dataclass(frozen=True, slots=True)
class Parts:
    """The way to units of work of one caller, whose right is proved anew in each."""

    transactions: Transactions
    caller: Caller
    needs: str

    def read(self, deed: Callable[..., T], *args: Any) -> T:
        """Run a deed that only reads, as the caller. Raises what it raises, and what `authorise` does."""
        return self.transactions.read(self.caller.town_id, VISITOR, self._as_caller(deed, args))

    def write(self, deed: Callable[..., T], *args: Any) -> T:
        """Run a deed that writes, as the caller, and commit. Raises what it raises, and what `authorise` does."""
        return self.transactions.write(self.caller.town_id, VISITOR, self._as_caller(deed, args))

    def _as_caller(self, deed: Callable[..., T], args: tuple[Any, ...]) -> Callable[[Work], T]:
        return lambda work: deed(replace(work, actor=authorise(work, self.caller, self.needs)), *args)


class Room(Blueprint):
    """A blueprint of one noun. `does` adds a route.

    `may_be_late`: what its GETs answer may be a moment old, so it is read from the replica if there is one.
    """

    ARGUMENTS_PARSER = Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        description: str,
        url_prefix: str = "/api/v1",
        may_be_late: bool = False,
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self._may_be_late = may_be_late
        self.needs: dict[str, str] = {}  #: what each endpoint needs

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Any:
        """What a route answers; see smorest's. All routes share one instance of a schema's class."""
        one = instance_of(schema) if isinstance(schema, type) else schema
        return super().response(status_code, one, **options)

    def does(
        self,
        method: str,
        rule: str,
        *,
        needs: str,
        refuses: Refusals = (),
        once: bool = False,
        reads: bool = False,
        shared: bool = False,
    ) -> Callable[[View], View]:
        """A route that runs in one unit of work, which its view is handed first.

        `needs`: one of caller.NEEDS. `refuses`: what its rule may raise. `once`: the caller must send an
        Idempotency-Key. `reads`: it writes nothing, though its question is too long for a query. `shared`: what it
        answers is the same for every visitor (blueprints.edge.shared).
        """
        assert not (once and reads), "what is done once is a write"
        assert not shared or (method == "GET" and needs == ANYONE), "only what anyone may read is shared"

        def decorate(view: View) -> View:
            def handle(*args: Any, **kwargs: Any) -> Response:
                caller = read_caller(needs)
                transactions = house().transactions

                def authorised(work: Work) -> Work:
                    return replace(work, actor=authorise(work, caller, needs))

                def answer(work: Work) -> Response:
                    return view(work, *args, **kwargs)

                if once:
                    return answer_once(transactions, caller, authorised, answer)
                if method == "GET" and self._may_be_late and (replica := house().replica) is not None:
                    return replica.read(caller.town_id, lambda work: authorise(work, caller, needs), answer)
                perform = transactions.read if reads or method == "GET" else transactions.write
                return perform(caller.town_id, VISITOR, lambda work: answer(authorised(work)))

            def handle_shared(*args: Any, **kwargs: Any) -> Response:
                return answer_shared(lambda: handle(*args, **kwargs))

            handling = handle_shared if shared else handle
            handler = self._add(method, rule, view, handling, needs=needs, refuses=refuses, once=once)
            if shared:
                handler._apidoc["manual_doc"]["responses"]["304"] = {"description": "The caller has it already."}
            return handler

        return decorate

    def does_in_steps(self, method: str, rule: str, *, refuses: Refusals = ()) -> Callable[[View], View]:
        """A route for signing in, that has to leave the house or to take its time between two units of work.

        Its view is handed the caller's town and the way to open units of work, and mustn't call outside within one.
        """

        def decorate(view: View) -> View:
            def handle(*args: Any, **kwargs: Any) -> Response:
                caller = read_caller(SIGNING_IN)
                return view(house().transactions, caller.town_id, *args, **kwargs)

            return self._add(method, rule, view, handle, needs=SIGNING_IN, refuses=refuses, once=False)

        return decorate

    def does_in_parts(self, method: str, rule: str, *, needs: str, refuses: Refusals = ()) -> Callable[[View], View]:
        """A route for one call that stands for many, each of which is a unit of work of its own.

        Its view is handed `Parts`. Who may not use the route is turned away before its arguments are read.
        """

        def decorate(view: View) -> View:
            def handle(*args: Any, **kwargs: Any) -> Response:
                parts = Parts(house().transactions, read_caller(needs), needs)
                parts.read(lambda _work: None)
                return view(parts, *args, **kwargs)

            return self._add(method, rule, view, handle, needs=needs, refuses=refuses, once=False)

        return decorate

    def _add(
        self, method: str, rule: str, view: View, handle: View, *, needs: str, refuses: Refusals, once: bool
    ) -> View:
        assert needs in NEEDS, f"{needs} is nothing that a caller can have"
        handler = wraps(view)(handle)
        documentation = deepcopy(getattr(view, "_apidoc", {}))
        documentation.setdefault("arguments", {}).setdefault("parameters", []).extend(_parameters(needs, once))
        documentation["manual_doc"] = _describe(method, rule, view, needs, refuses)
        handler._apidoc = documentation
        self.needs[handler.__name__] = needs
        self.route(rule, methods=[method])(handler)
        return handler


def _parameters(needs: str, once: bool) -> list[dict[str, Any]]:
    """The parameters that the edge itself reads."""
    return ([KEY_PARAMETER] if once else []) + ([TOWN_PARAMETER] if needs in OPEN_TO_ALL else [])


def _describe(method: str, rule: str, view: View, needs: str, refuses: Refusals) -> dict[str, Any]:
    """What OpenAPI says of a route beyond its arguments and its answer."""
    refusals = sorted(refuses, key=lambda refusal: refusal.code)
    statuses = {int(STATUS_OF[refusal.kind]) for refusal in refusals}
    statuses |= {400, 429, 503}  # a request that can't be read, one too many, a busy database
    statuses |= {401} if needs != SIGNING_IN else set()  # a bad token
    statuses |= {404} if needs in OPEN_TO_ALL or "<" in rule else set()  # an unknown town, an unknown id
    statuses |= {403} if needs not in OPEN_TO_ALL else set()
    if method != "GET":
        statuses |= {411, 413, 415, 422}
    summary = (view.__doc__ or view.__name__).strip().splitlines()[0]
    lines = [f"Needs: `{needs}`."]
    if refusals:
        lines.append("Refusals: " + ", ".join(f"`{refusal.code}`" for refusal in refusals) + ".")
    description: dict[str, Any] = {
        "summary": summary,
        "description": " ".join(lines),
        "operationId": view.__name__,
        "responses": {
            str(status): {"$ref": f"#/components/responses/{HTTPStatus(status).name}"} for status in statuses
        },
        "security": SECURITY.get(needs, [{"bearer": [needs]}]),
    }
    return description
