"""Random histories, then random damage: a check tells just that, and a fix mends just that."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

import projections.registration
from eventstore.application import Application
from eventstore.checking import MOST_TOLD
from eventstore.models import Rebuild
from eventstore.projections import Mode, Projection
from eventstore.testing import wipe
from projections.models import AccountSummary
from tests.eventstore.rebuilding.damage import Damage, What, Where, expected
from tests.eventstore.rebuilding.support import differing, do, last_run, rebuild, shadows, xmins
from tests.eventstore.subscriptions.test_random_histories import SETTINGS, SHIPPED, Play, steps
from tests.eventstore.support import World
from tests.replay import assert_rows_as_replayed, bring_level


def shipped_modes() -> dict[str, Mode]:
    application = Application(pipeline=[])
    projections.registration.register(application)
    return {p.name: application.projections.mode_of(p.name) for p in application.projections}


damages = st.lists(
    st.builds(
        Damage,
        how=st.sampled_from(["change", "change", "delete", "invent"]),
        row=st.integers(0, 50),
        column=st.integers(0, 50),
    ),
    max_size=4,
)
histories = st.lists(
    steps.filter(lambda step: step.what not in ("die", "batch", "other worker")),
    min_size=3,
    max_size=15,
)


def told(application: Application, projection: Projection) -> dict[Where, What]:
    """What a check says."""
    checked = do(application, "check", projection.name).checked
    assert checked is not None
    assert checked.rows == len(checked.differences)
    return {
        (d.table, d.tenant_id, tuple(d.key.values())): (d.kind, d.columns, d.position)
        for d in checked.differences
    }


def as_found(world: Application, damaged: dict[str, list[Damage]], seen: Counter[str]) -> None:
    """Break, check and mend each projection's rows."""
    for projection in world.projections:
        for damage in damaged[projection.name]:
            with suppress(IntegrityError), transaction.atomic():
                damage.to(projection)
        wrong = expected(world, projection)
        assert told(world, projection) == wrong
        seen.update(kind for kind, _, _ in wrong.values())
        assert last_run().status == ("differs" if wrong else "done")
        tables = [table.model._meta.db_table for table in projection.tables]
        before = {table: xmins(table) for table in tables}
        assert do(world, "fix", projection.name).rows == len(wrong)
        after = {table: xmins(table) for table in tables}
        written = sum(len(after[table].items() - before[table].items()) for table in tables)
        assert written == sum(kind != "extra" for kind, _, _ in wrong.values())
        assert told(world, projection) == {}


def run(examples: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    modes = shipped_modes()

    @settings(SETTINGS, max_examples=examples)
    @given(histories, st.fixed_dictionaries({p.name: damages for p in SHIPPED}))
    def damaged_rows(history: list[Any], damaged: dict[str, list[Damage]]) -> None:
        try:
            play = Play(modes, Counter())
            for step in history:
                play.do(step)
            bring_level(play.application)
            as_found(play.application, damaged, seen)
            assert_rows_as_replayed(play.application)
            assert shadows() == []
        finally:
            wipe()

    damaged_rows()
    return seen


@pytest.mark.long
@pytest.mark.usefixtures("database")
def test_a_check_tells_just_what_is_damaged_and_a_fix_mends_just_that() -> None:
    seen = run(5)
    assert set(seen) == {"missing", "extra", "different"}, seen


@pytest.mark.soak
@pytest.mark.usefixtures("database")
def test_a_check_tells_just_what_is_damaged_in_many_histories() -> None:
    assert min(run(300).values()) > 100


def test_a_row_that_misses_one_event_is_told_by_that_event(world: World) -> None:
    account = world.account("10.00")
    as_it_was = AccountSummary.objects.get()
    missing = world.deposit(account, "5.00").position
    world.deposit(account, "1.00")
    for field in ("balance", "version", "updated_at"):
        AccountSummary.objects.update(**{field: getattr(as_it_was, field)})
    checked = do(world.application, "check", "account_summary").checked
    assert checked is not None
    (difference,) = checked.differences
    assert (difference.kind, difference.position) == ("different", missing)
    assert difference.key == {"account_id": account}
    assert set(difference.columns) == {"balance", "version", "updated_at"}
    (stored,) = Rebuild.objects.get(status="differs").differences
    assert stored["position"] == missing


def test_a_difference_in_the_last_of_many_digits_is_told_by_its_column(world: World) -> None:
    world.account("999999999999999.99")
    AccountSummary.objects.update(balance=Decimal("999999999999999.98"))
    checked = do(world.application, "check", "account_summary").checked
    assert checked is not None
    assert checked.differences[0].columns == ("balance",)


def test_a_check_changes_nothing_and_blocks_nobody(world: World) -> None:
    account = world.account("10.00")
    AccountSummary.objects.update(balance=0)
    before = xmins("account_summary")
    assert differing(world.application, "account_summary") == 1
    assert xmins("account_summary") == before
    assert str(world.balance(account)) == "0.00"


def test_of_many_rows_that_differ_all_are_counted_and_the_first_are_told(world: World) -> None:
    person = world.person()
    for _ in range(MOST_TOLD // 20):
        world.account("1.00", owner_id=person)
    template = AccountSummary.objects.first()
    assert template is not None
    for number in range(MOST_TOLD + 5):
        template.pk, template.account_id = None, f"{number:032x}"
        template.save()
    checked = do(world.application, "check", "account_summary").checked
    assert checked is not None
    assert (checked.rows, len(checked.differences)) == (MOST_TOLD + 5, MOST_TOLD)
    assert do(world.application, "fix", "account_summary").rows == MOST_TOLD + 5
    assert differing(world.application, "account_summary") == 0
    rebuild(world.application, "account_summary")
    assert AccountSummary.objects.count() == MOST_TOLD // 20
    AccountSummary.objects.update(opened_at=template.opened_at - timedelta(days=1))
    assert differing(world.application, "account_summary") == MOST_TOLD // 20
