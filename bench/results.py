"""What a run came to: kept as JSON, shown as a table of Markdown, and held against another run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.load import Arm
from bench.measuring import Held, Taken

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One arm at one size of the town."""

    arm: str
    size: int  #: in demo towns; 0: a floor, which is of no town
    requests: int
    per_second: float
    milliseconds: dict[str, float]  #: by quantile
    floor: str | None
    of_floor: float | None  #: its requests a second, by those of its floor in the same rounds
    of_floor_by_round: list[float]
    statements: float | None  #: of one request, without BEGIN and COMMIT
    cpu_microseconds: dict[str, float]  #: of one request, by kind of process
    wal_bytes: float  #: of one request


@dataclass(frozen=True, slots=True)
class TownLine:
    """A town that was measured."""

    size: int
    residents: int
    postings: int
    made_in_seconds: float
    database_bytes_before: int
    database_bytes_after: int
    warmed_up: list[Held]  #: by each worker of its server
    after: list[Held]


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """What a worker held after so many requests of all kinds, of all workers together."""

    requests: int
    workers: list[Held]


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run."""

    about: dict[str, Any]  #: machine, versions, commit, and what was asked for
    towns: list[TownLine]
    lines: list[Line]
    memory: list[MemoryLine]


def line_of(arm: Arm, floor: Arm | None, taken: Taken) -> Line:
    by_round = [rate / least for rate, least in zip(arm.rates, floor.rates, strict=True)] if floor else []
    return Line(
        arm=arm.name,
        size=arm.size,
        requests=taken.requests,
        per_second=arm.per_second,
        milliseconds={name: arm.quantile(part) * 1000 for name, part in QUANTILES.items()},
        floor=arm.floor,
        of_floor=arm.per_second / floor.per_second if floor else None,
        of_floor_by_round=by_round,
        statements=taken.statements,
        cpu_microseconds=taken.cpu_microseconds(),
        wal_bytes=taken.wal_bytes / taken.requests,
    )


def save(results: Results, file: Path) -> None:
    file.write_bytes(orjson.dumps(asdict(results), option=orjson.OPT_INDENT_2))


def load(file: Path) -> Results:
    said = orjson.loads(file.read_bytes())
    return Results(
        said["about"],
        [
            TownLine(**{**each, "warmed_up": _held(each["warmed_up"]), "after": _held(each["after"])})
            for each in said["towns"]
        ],
        [Line(**each) for each in said["lines"]],
        [MemoryLine(each["requests"], _held(each["workers"])) for each in said["memory"]],
    )


def _held(workers: Sequence[dict[str, int]]) -> list[Held]:
    return [Held(**each) for each in workers]


def render(results: Results) -> str:
    """As Markdown, which a terminal shows as well as a browser does."""
    tables = [_about(results.about), _arms(results.lines), _sizes(results.lines), _towns(results.towns)]
    tables.append(_memory(results.memory))
    return "\n\n".join(table for table in tables if table) + "\n"


def _about(about: dict[str, Any]) -> str:
    machine, versions, asked = about["machine"], about["versions"], about["asked"]
    commit = about["commit"]["commit"][:12] + (" with changes" if about["commit"]["has_changes"] else "")
    return (
        f"{about['made_at']}, commit {commit}. {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / (1 << 30):.0f} GB, a page is on the disk after {machine['fdatasync_microseconds']} µs; "
        f"Python {versions['python']}, PostgreSQL {versions['postgresql']}. {asked['processes']} worker processes with "
        f"{asked['threads']} threads, {asked['clients']} clients, {asked['rounds']} rounds, chance {asked['chance']}."
    )


def _arms(lines: Sequence[Line]) -> str:
    heads = ["arm", "town ×", "a second", "p50 ms", "p95 ms", "p99 ms", "of its floor", "by round", "statements"]
    heads += ["CPU µs: workers", "PostgreSQL", "WAL kB"]
    return table(
        heads,
        [
            [
                line.arm,
                str(line.size or ""),
                f"{line.per_second:,.0f}",
                *(f"{line.milliseconds[name]:.1f}" for name in QUANTILES),
                "" if line.of_floor is None else f"{line.of_floor:.2f}",
                _range(line.of_floor_by_round),
                "" if line.statements is None else f"{line.statements:g}",
                f"{line.cpu_microseconds.get('workers', 0):,.0f}",
                f"{line.cpu_microseconds.get('postgresql', 0):,.0f}",
                f"{line.wal_bytes / 1024:.1f}",
            ]
            for line in lines
        ],
    )


def _range(numbers: Sequence[float]) -> str:
    return f"{min(numbers):.2f} to {max(numbers):.2f}" if numbers else ""


def _sizes(lines: Sequence[Line]) -> str:
    """How much longer an answer takes in the largest town than in the smallest."""
    sizes = sorted({line.size for line in lines if line.size > 0})
    if len(sizes) < 2:
        return ""
    by_name = {(line.arm, line.size): line for line in lines}
    rows = []
    for line in lines:
        other = by_name.get((line.arm, sizes[-1]))
        if line.size == sizes[0] and other is not None and other is not line:
            ratios = (other.milliseconds[name] / line.milliseconds[name] for name in QUANTILES)
            rows.append([line.arm, *(f"{ratio:.2f}" for ratio in ratios)])
    return table([f"at {sizes[-1]} times the town, by one of {sizes[0]}", *QUANTILES], rows)


def _towns(towns: Sequence[TownLine]) -> str:
    heads = ["town ×", "residents", "postings", "made in", "database MB", "after", "worker MB, warmed up", "after"]
    rows = [
        [
            str(town.size),
            f"{town.residents:,}",
            f"{town.postings:,}",
            f"{town.made_in_seconds:.0f} s",
            f"{town.database_bytes_before / MEBIBYTE:,.0f}",
            f"{town.database_bytes_after / MEBIBYTE:,.0f}",
            _shares(town.warmed_up),
            _shares(town.after),
        ]
        for town in towns
    ]
    return table(heads, rows)


def _memory(lines: Sequence[MemoryLine]) -> str:
    rows = [
        [f"{line.requests:,}", _shares(line.workers), _megabytes([each.resident_bytes for each in line.workers])]
        for line in lines
    ]
    return table(["requests of all kinds", "worker MB", "resident MB"], rows)


def _shares(workers: Sequence[Held]) -> str:
    return _megabytes([each.share_bytes for each in workers])


def _megabytes(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size / MEBIBYTE:.0f}" for size in sizes)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, its columns aligned; nothing when there are no rows."""
    if not rows:
        return ""
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    lines = [[head.ljust(width) for head, width in zip(heads, widths, strict=True)]]
    lines.append(["-" * width if n == 0 else "-" * (width - 1) + ":" for n, width in enumerate(widths)])
    lines += [
        [
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
