"""`/metrics` is open to anybody: many who ask at once cost the database as much as one."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import connections

from config import metrics
from config.metrics import OneAtATime
from eventstore.application import Application
from eventstore.tenancy import Actor
from tests.config.background.runners import wait_until
from tests.config.probes import ask, measured, unavailable
from tests.eventstore.failing import NAME
from tests.eventstore.lock_waits import waiters
from tests.eventstore.support import World, raw_connection
from tests.http import Answer

MANY = 5


class Looks:
    """An answer that takes until it is let go: how often it was looked for."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = Event()

    def look(self) -> int:
        self.count += 1
        assert self.may_end.wait(20)
        return self.count


@contextmanager
def asking(source: OneAtATime[int], looks: Looks, many: int = 1) -> Generator[list[int]]:
    """So many threads ask; what they were told, once they have ended."""
    answers: list[int] = []
    threads = [
        Thread(target=lambda: answers.append(source.answer(looks.look))) for _ in range(many)
    ]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: looks.count)
        yield answers
    finally:
        looks.may_end.set()
        for thread in threads:
            thread.join()


def test_who_asks_meanwhile_gets_what_another_one_finds() -> None:
    source, looks = OneAtATime[int](), Looks()
    with asking(source, looks, MANY) as answers:
        pass
    assert answers == [1] * MANY


def test_who_asks_meanwhile_does_not_wait_where_the_last_answer_is_fresh() -> None:
    source, looks = OneAtATime[int](), Looks()
    assert source.answer(lambda: 7) == 7
    with asking(source, looks) as answers:
        assert source.answer(looks.look) == 7
        assert answers == []
    assert answers == [1]


def test_a_stale_answer_serves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH", 0)
    source, looks = OneAtATime[int](), Looks()
    assert source.answer(lambda: 7) == 7
    with asking(source, looks, 2) as answers:
        pass
    assert sorted(answers) == [1, 2]


def test_who_asks_alone_has_an_answer_of_his_own() -> None:
    source = OneAtATime[int]()
    assert [source.answer(iter([number]).__next__) for number in range(3)] == [0, 1, 2]


def test_a_look_that_fails_does_not_keep_the_next_one_from_looking() -> None:
    source = OneAtATime[int]()
    with pytest.raises(ZeroDivisionError):
        source.answer(lambda: 1 // 0)
    assert source.answer(lambda: 7) == 7


def test_many_who_ask_while_the_database_hangs_take_one_connection(database: None) -> None:
    answers: list[Answer] = []

    def scrape() -> None:
        answers.append(ask("/metrics"))
        connections.close_all()

    with raw_connection() as migration, raw_connection(autocommit=True) as operator:
        migration.execute("LOCK TABLE eventstore_subscription IN ACCESS EXCLUSIVE MODE")
        threads = [Thread(target=scrape) for _ in range(MANY)]
        for thread in threads:
            thread.start()
        most = 0
        while len(answers) < MANY:
            most = max(most, waiters(operator))
        for thread in threads:
            thread.join()
    assert most == 1
    assert all("took too long" in unavailable(answer) for answer in answers)


def test_the_lag_is_counted_up_to_a_bound(
    application: Application, member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert metrics.MOST_COUNTED == 10_000
    assert "10,000" in metrics.NOT_READ
    World(application, member).account("1.00")
    assert measured()["daybook_projection_lag_events", NAME] == 3
    monkeypatch.setattr(metrics, "MOST_COUNTED", 2)
    assert measured()["daybook_projection_lag_events", NAME] == 2
