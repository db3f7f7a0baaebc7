"""Effects: outside of transactions, at least once under one id, never by the sender."""

import time
from collections.abc import Callable
from threading import Event
from uuid import UUID

from django.db import connection

from eventstore.errors import Refusal
from eventstore.models import Reaction
from eventstore.tenancy import Actor
from tests.eventstore.reactions.domain import Play, Ring, play
from tests.eventstore.support import PATIENCE, at_once, raw_connection

Seen = Callable[[UUID], list[str]]


class NoAnswer(Refusal):
    code = "no_answer"

    def __init__(self) -> None:
        super().__init__("Nobody has this number. Ask for another one.")


def test_an_effect_is_left_to_a_worker_and_its_outcome_reaches_its_process(
    scene: Play, seen: Seen
) -> None:
    run = scene.begin("ring bell")
    assert scene.counters.rung == []

    assert scene.application.reactions.work() == 1

    effect = Reaction.objects.get(kind="effect")
    assert scene.counters.rung == [("bell", effect.uid)]
    assert (effect.status, effect.attempts) == ("done", 1)
    assert seen(run) == ["ring bell", "done ring"]


def test_no_transaction_is_open_while_an_effect_is_performed(scene: Play) -> None:
    states: list[str] = []

    def look(effect: Ring, effect_id: UUID) -> None:
        assert not connection.in_atomic_block
        with raw_connection() as other:
            pid = connection.connection.info.backend_pid
            query = "SELECT state FROM pg_stat_activity WHERE pid = %s"
            states.extend(row[0] for row in other.execute(query, (pid,)))

    scene.counters.ring = look
    scene.begin("ring bell")
    scene.application.reactions.work()

    assert states == ["idle"]
    assert scene.counters.rung


def test_a_failed_effect_is_tried_again_under_the_same_id(scene: Play, seen: Seen) -> None:
    tried: list[UUID] = []

    def fail_twice(effect: Ring, effect_id: UUID) -> None:
        tried.append(effect_id)
        if len(tried) < 3:
            raise ConnectionRefusedError("nobody is there")

    scene.counters.ring = fail_twice
    run = scene.begin("ring bell")
    scene.application.reactions.work()

    assert len(tried) == 3
    assert len(set(tried)) == 1
    assert len(scene.counters.rung) == 1
    assert seen(run)[-1] == "done ring"
    assert Reaction.objects.get(kind="effect").error == ""


def test_an_effect_that_fails_is_set_aside_and_holds_up_nothing(scene: Play, seen: Seen) -> None:
    def fail(effect: Ring, effect_id: UUID) -> None:
        raise ConnectionRefusedError("nobody is there")

    scene.counters.ring = fail
    run = scene.begin("ring bell")
    scene.application.reactions.work()

    effect = Reaction.objects.get(kind="effect")
    assert (effect.status, effect.attempts) == ("parked", 5)
    assert effect.error == "ConnectionRefusedError: nobody is there"
    scene.counters.ring = lambda effect, effect_id: None
    assert scene.application.reactions.retry_reaction(scene.actor.tenant_id, effect.id)
    scene.application.reactions.work()
    assert seen(run)[-1] == "done ring"


def test_a_refused_effect_ends_and_its_process_hears_of_it(scene: Play, seen: Seen) -> None:
    def refuse(effect: Ring, effect_id: UUID) -> None:
        raise NoAnswer

    scene.counters.ring = refuse
    run = scene.begin("ring bell")
    scene.application.reactions.work()

    assert Reaction.objects.get(kind="effect").status == "done"
    assert seen(run)[-1] == "effect refused no_answer"


def test_a_lease_is_renewed_for_as_long_as_an_effect_takes(
    database: None, member: Actor, seen: Seen
) -> None:
    """Two workers; the second looks until the lease was renewed, and finds nothing to do.

    The lease is longer than a busy machine holds up whoever renews it.
    """
    scene = play(member, lease_seconds=1)
    begun, looked = Event(), Event()

    def last(effect: Ring, effect_id: UUID) -> None:
        begun.set()
        assert looked.wait(2 * PATIENCE)

    def look_meanwhile() -> int:
        assert begun.wait(PATIENCE)
        first = Reaction.objects.get(kind="effect").lease_until
        found = 0
        # As long as it takes until the lease has been renewed ten times.
        renewals = {first}
        until = time.monotonic() + PATIENCE
        while len(renewals) < 8 and time.monotonic() < until:
            found += scene.application.reactions.work()
            renewals.add(Reaction.objects.get(kind="effect").lease_until)
        looked.set()
        assert len(renewals) == 8, "the lease is not renewed"
        return found

    scene.counters.ring = last
    run = scene.begin("ring bell")
    outcomes = at_once(scene.application.reactions.work, look_meanwhile)

    assert outcomes == [1, 0]
    assert len(scene.counters.rung) == 1
    assert seen(run)[-1] == "done ring"


def test_an_effect_whose_worker_died_is_performed_again_under_the_same_id(
    left: Play, seen: Seen
) -> None:
    run = left.begin("ring bell")
    dead = left.application.reaction_log.claim_effect()
    assert dead is not None

    left.application.reactions.work()

    assert left.counters.rung == [("bell", dead.uid)]
    # And should it only have been slow, its late word changes nothing.
    assert not left.application.reaction_log.finish_effect(dead.claimed, "{}")
    assert seen(run) == ["ring bell", "done ring"]


def test_an_effect_that_kills_its_worker_five_times_is_set_aside(left: Play) -> None:
    left.begin("ring bell")
    for _ in range(5):
        assert left.application.reaction_log.claim_effect() is not None

    left.application.reactions.work()

    assert Reaction.objects.get(kind="effect").status == "parked"
    assert left.counters.rung == []
