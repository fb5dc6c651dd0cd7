"""What the metrics count of units of work: faults, tries, waits."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from blueprints.edge.house import House
from blueprints.system.gauges import Watching
from rules.work import SYSTEM, TryAgain, Work
from tests.build import TownBuilder


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_deed_that_met_another_one_is_counted_with_each_try(town: TownBuilder) -> None:
    before, tries = counted("binfen_transaction_retries_total", reason="again"), iter([TryAgain, TryAgain])

    def deed(_work: Work) -> str:
        if (wrong := next(tries, None)) is not None:
            raise wrong
        return "done"

    assert town.database.write(town.id, SYSTEM, deed) == "done"
    assert counted("binfen_transaction_retries_total", reason="again") == before + 2


def test_only_a_fault_that_is_tried_again_is_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "busy" if house.transactions.engine.dialect.name == "sqlite" else "connection"
    before = counted("binfen_database_faults_total", fault=name)
    with pytest.raises(Exception, match="nonsense"), house.transactions.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM nonsense")
    assert counted("binfen_database_faults_total", fault=name) == before
    monkeypatch.setattr("blueprints.system.gauges.is_transient", lambda _error: True)
    with pytest.raises(Exception, match="nonsense"), house.transactions.engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM nonsense")
    assert counted("binfen_database_faults_total", fault=name) == before + 1


def test_a_connection_that_is_there_is_no_wait() -> None:
    before = counted("binfen_database_connection_waits_total")
    for seconds in (0.0, 0.0049, 0.005, 0.2):
        Watching().waited(seconds)
    assert counted("binfen_database_connection_waits_total") == before + 2
