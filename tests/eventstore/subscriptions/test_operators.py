"""What operators do to a projection that stands still, or shall: pause, resume, retry, skip."""

from collections.abc import Sequence

import pytest

from eventstore.errors import NotApplicable, NotCaughtUp, NotFound, ProjectionModeDiffers
from eventstore.models import SubscriptionAction
from eventstore.projections import Mode
from eventstore.subscription_log import PAUSE, RESUME, RETRY, SKIP, Act
from eventstore.tenancy import Actor
from tests.eventstore.subscriptions.domain import Scene, scene, standing
from tests.eventstore.subscriptions.failing import act, work_until_stopped


def test_mended_code_and_a_retry_bring_it_level_in_order(two: Scene, failing: list[int]) -> None:
    work_until_stopped(two)
    two.hooks.item = lambda recorded: None
    two.work()
    assert two.texts() == ["a", "b"], "nobody has asked for a retry"

    assert act(two, RETRY) == failing[1]
    two.work()

    assert two.texts() == ["a", "b", "c", "d"]
    level = standing()
    assert (level.status, level.attempts, level.failed_position, level.error) == (
        "active", 0, None, "",
    )  # fmt: skip
    (record,) = SubscriptionAction.objects.values("action", "user", "reason", "position", "error")
    assert "cannot take c" in record.pop("error")
    assert record == {
        "action": "retry", "user": "olga", "reason": "because", "position": failing[1],
    }  # fmt: skip


def test_a_skip_leaves_out_that_event_and_no_other_and_is_on_record(
    two: Scene, failing: list[int]
) -> None:
    work_until_stopped(two)
    assert act(two, SKIP, failed=failing[2]) == failing[2]
    two.work()

    assert two.texts() == ["a", "b", "d"]
    assert two.as_replayed("items", without=[failing[2]])
    record = SubscriptionAction.objects.get()
    assert (record.action, record.position, record.user) == ("skip", failing[2], "olga")
    assert "cannot take c" in record.error
    assert two.numbers() == [1, 2, 3, 4]


def test_a_skip_of_another_event_than_the_operator_saw_is_refused(
    two: Scene, failing: list[int]
) -> None:
    work_until_stopped(two)
    with pytest.raises(NotApplicable):
        act(two, SKIP, failed=failing[1])
    assert (standing().status, standing().position) == ("stopped", failing[1])
    assert not SubscriptionAction.objects.exists()


def test_a_paused_projection_stands_still_until_it_is_resumed(two: Scene) -> None:
    first = two.note("a")[0]
    two.work()
    assert act(two, PAUSE) == first
    two.note("b")
    assert two.work() == 1, "places alone"
    with pytest.raises(NotCaughtUp, match="paused"):
        two.application.subscriptions.catch_up(two.projection())
    assert two.texts() == ["a"]

    assert act(two, RESUME) == first
    two.work()
    assert two.texts() == ["a", "b"]
    actions = SubscriptionAction.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["pause", "resume"]


def test_a_stopped_projection_that_was_paused_fails_again_when_it_is_resumed(
    two: Scene, failing: list[int]
) -> None:
    work_until_stopped(two)
    act(two, PAUSE)
    two.work()
    assert standing().status == "paused"
    act(two, RESUME)
    two.work()
    assert (standing().attempts, standing().failed_position) == (1, failing[2])


@pytest.mark.parametrize(
    ("before", "what"),
    [
        ((), RETRY),
        ((), SKIP),
        ((), RESUME),
        ((PAUSE,), PAUSE),
        ((PAUSE,), RETRY),
        ((PAUSE,), SKIP),
    ],
    ids=lambda value: value.action if isinstance(value, Act) else None,
)
def test_what_its_state_does_not_allow_is_refused_and_not_on_record(
    two: Scene, before: Sequence[Act], what: Act
) -> None:
    two.note("a")
    two.work()
    for earlier in before:
        act(two, earlier)
    found = standing()
    with pytest.raises(NotApplicable, match="items is"):
        act(two, what)

    assert SubscriptionAction.objects.count() == len(before)
    assert (standing().status, standing().position) == (found.status, found.position)


def test_nobody_acts_on_a_projection_that_is_not_there(two: Scene) -> None:
    with pytest.raises(NotFound):
        two.application.subscriptions.act(PAUSE, "nothing", user="olga", reason="because")


def test_what_the_code_has_no_more_is_forgotten_and_commands_are_taken_again(
    tables: None, member: Actor
) -> None:
    former = scene(member, items=Mode.INLINE)
    former.note("a")
    present = scene(member, without_items=True)
    with pytest.raises(ProjectionModeDiffers, match="forget items"):
        present.note("b")
    with pytest.raises(NotApplicable):
        former.application.subscriptions.forget("items", user="olga", reason="gone")

    present.application.subscriptions.forget("items", user="olga", reason="gone")
    present.note("b")
    record = SubscriptionAction.objects.get()
    assert (record.projection, record.action, record.reason) == ("items", "forget", "gone")
    with pytest.raises(NotFound):
        present.application.subscriptions.forget("items", user="olga", reason="twice")
