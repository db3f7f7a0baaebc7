"""How tests let a projection fail, and what operators do then."""

from typing import Any

from eventstore.events import RecordedEvent
from eventstore.subscription_log import Act
from tests.eventstore.subscriptions.domain import Scene, standing


def fail_at(*positions: int) -> Any:
    def fail(recorded: RecordedEvent[Any]) -> None:
        if recorded.position in positions:
            raise ValueError(f"cannot take {recorded.event.text}\0")

    return fail


def act(scene: Scene, what: Act, **options: Any) -> int:
    return scene.application.subscriptions.act(
        what, "items", user="olga", reason="because", **options
    )


def work_until_stopped(scene: Scene) -> None:
    for _ in range(5):
        scene.work()
    assert standing().status == "stopped"
