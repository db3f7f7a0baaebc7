"""A loop of `manage.py worker` goes on whatever happens to the database, and to its output."""

import os
from threading import Event

import pytest
from django.core.management.base import OutputWrapper
from django.db import OperationalError

from eventstore.application import Application
from eventstore.management import loops
from eventstore.management.loops import Loop, Outages
from eventstore.wakeups import Work


@pytest.fixture(autouse=True)
def polls_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "POLL_SECONDS", 0.01)


def test_a_loop_whose_words_reach_nobody_outlives_an_outage(application: Application) -> None:
    """As in `worker 2>&1 | head -1`."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", buffering=1) as pipe:
        os.close(reading)
        assert outlives_outages(application, Outages(OutputWrapper(pipe).write))
        # What the pipe did not take is not to be written at its end, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_a_loop_whose_output_is_closed_outlives_an_outage(application: Application) -> None:
    pipe = open(os.devnull, "w")  # noqa: SIM115 - it is to be closed
    pipe.close()
    assert outlives_outages(application, Outages(OutputWrapper(pipe).write))


def outlives_outages(application: Application, outages: Outages) -> bool:
    ended = Event()
    did: list[str] = []

    def work(until: object) -> int:
        did.append("work")
        if len(did) == 1:
            raise OperationalError("gone")
        ended.set()
        return 0

    Loop(Work.EFFECTS, application.database, work, ended, outages).run()
    return len(did) == 2
