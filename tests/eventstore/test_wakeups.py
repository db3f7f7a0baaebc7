"""Workers are called after a commit: by `NOTIFY`, and once until they begin in any other way."""

import time
from threading import Event, Thread

import psycopg
import pytest

from eventstore import reactions
from eventstore.application import Application
from eventstore.listening import Listener
from eventstore.models import StoredCommand, StoredEvent, Wakeup
from eventstore.tenancy import Actor
from eventstore.wakeups import CHANNEL, Wakeups, Work
from tests.config.background.ledger import opened_branch
from tests.eventstore.reactions.domain import Play, play
from tests.eventstore.support import raw_connection
from tests.http import Api

#: Seconds that a test waits for what has to come.
PATIENCE = 20


@pytest.fixture
def called(application: Application, monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """The kinds for which those who do not listen were called."""
    kinds: list[Work] = []
    monkeypatch.setattr(application.wakeups, "enqueue", kinds.append)
    return kinds


@pytest.fixture
def wakeups(application: Application) -> Wakeups:
    return application.wakeups


def calls_of(scene: Play) -> list[Work]:
    kinds: list[Work] = []
    scene.application.wakeups.enqueue = kinds.append
    return kinds


# Who is called ------------------------------------------------------------------------------


def test_listeners_hear_the_kind_of_work(wakeups: Wakeups, called: list[Work]) -> None:
    with raw_connection(autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        wakeups.wake(Work.EFFECTS)
        (heard,) = listener.notifies(timeout=PATIENCE, stop_after=1)
    assert heard.payload == "effects"


def test_who_calls_while_another_one_does_leaves_it_to_him(
    wakeups: Wakeups, called: list[Work], caplog: pytest.LogCaptureFixture
) -> None:
    """He may be slow, or frozen: nobody waits long for him, and it is no fault."""
    with raw_connection() as other:
        other.execute("INSERT INTO eventstore_wakeup (kind) VALUES ('effects')")
        wakeups.wake(Work.EFFECTS)
        other.rollback()
    assert (called, caplog.records) == ([], [])


def test_others_are_called_once_until_they_begin(wakeups: Wakeups, called: list[Work]) -> None:
    wakeups.wake(Work.REACTIONS)
    wakeups.wake(Work.REACTIONS)
    wakeups.wake(Work.EFFECTS)
    assert called == ["reactions", "effects"]
    assert wakeups.is_asked(Work.REACTIONS)

    wakeups.begin(Work.REACTIONS)
    assert not wakeups.is_asked(Work.REACTIONS)
    wakeups.wake(Work.REACTIONS)
    wakeups.wake(Work.EFFECTS)
    assert called == ["reactions", "effects", "reactions"]


def test_events_for_an_async_projection_call_for_it(
    application: Application, member: Actor, called: list[Work]
) -> None:
    branch = opened_branch(application, member)
    account = branch.opened()
    Wakeup.objects.all().delete()
    called.clear()

    branch.deposit(account)

    assert called == ["projections"]


def test_what_a_sender_leaves_calls_a_worker(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = play(member)
    called = calls_of(scene)
    scene.begin("again 3")
    assert called == [], "he did it all himself"

    monkeypatch.setattr(reactions, "MOST_STEPS", 1)
    scene.begin("again 3")

    assert called == ["reactions"]


def test_a_sender_whose_time_is_over_calls_a_worker(
    member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = play(member)
    called = calls_of(scene)
    # His time ends between the step and its commands.
    scene.process.before = lambda note: monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    scene.begin("twice")
    monkeypatch.undo()

    assert called == ["reactions"]
    assert StoredCommand.objects.filter(status="pending").count() == 2


def test_a_step_that_asks_for_an_effect_calls_for_it(member: Actor) -> None:
    scene = play(member)
    called = calls_of(scene)

    scene.begin("ring long")

    assert called == ["effects"]


# A call that fails ---------------------------------------------------------------------------


def test_a_call_that_fails_does_no_harm_to_what_is_committed(
    application: Application, api: Api, member: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = opened_branch(application, member)
    account = branch.opened()

    def fail(kind: Work) -> None:
        raise RuntimeError("no queue")

    monkeypatch.setattr(application.wakeups, "enqueue", fail)
    Wakeup.objects.all().delete()

    branch.deposit(account)
    due = branch.schedule(account)

    assert StoredEvent.objects.filter(type="account.money_deposited").count() == 1
    assert StoredCommand.objects.get(id=due).status == "pending"
    # Nobody was called, so the next one may be.
    assert not Wakeup.objects.exists()


def test_a_call_whose_connection_is_gone_does_not_raise_and_the_next_one_goes_out(
    wakeups: Wakeups, called: list[Work], application: Application
) -> None:
    (pid,) = application.database.row("SELECT pg_backend_pid()") or ()
    with raw_connection(autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    wakeups.wake(Work.EFFECTS)
    wakeups.wake(Work.EFFECTS)

    assert called == ["effects"]


def test_a_caller_who_is_frozen_does_not_hold_up_the_next_one(
    wakeups: Wakeups, called: list[Work]
) -> None:
    with raw_connection() as frozen:
        frozen.execute("INSERT INTO eventstore_wakeup (kind) VALUES ('effects')")
        started = time.monotonic()
        wakeups.wake(Work.EFFECTS)
        assert time.monotonic() - started < 2
        frozen.rollback()
    wakeups.wake(Work.EFFECTS)
    assert called == ["effects"]


# Listening -----------------------------------------------------------------------------------


def test_who_listens_is_told_when_he_begins_and_begins_again_when_he_is_cut_off(
    application: Application,
) -> None:
    heard: list[str] = []
    ended = Event()
    listener = Thread(
        target=Listener(application.database).listen, args=(heard.append, ended), daemon=True
    )
    listener.start()
    try:
        wait_for(lambda: heard == [""])
        application.wakeups.wake(Work.COMMANDS)
        wait_for(lambda: heard == ["", "commands"])
        with raw_connection(autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        wait_for(lambda: heard == ["", "commands", ""])
        application.wakeups.wake(Work.EFFECTS)
        wait_for(lambda: heard[3:] == ["effects"])
    finally:
        ended.set()
        listener.join(PATIENCE)
    assert not listener.is_alive()


def test_who_listens_past_a_pooler_uses_its_own_url(application: Application) -> None:
    heard: list[str] = []
    ended = Event()

    def hear(kind: str) -> None:
        heard.append(kind)
        ended.set()

    with raw_connection() as connection:
        url = f"{connection.info.dsn} application_name=past_a_pooler"
    with raw_connection(autocommit=True) as operator:
        Listener(application.database, url).listen(
            lambda kind: (hear(kind), heard.append(names(operator))), ended
        )
    assert "past_a_pooler" in heard[1]


def names(operator: psycopg.Connection) -> str:
    rows = operator.execute("SELECT application_name FROM pg_stat_activity").fetchall()
    return " ".join(name for (name,) in rows if name)


def wait_for(holds) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.01)
