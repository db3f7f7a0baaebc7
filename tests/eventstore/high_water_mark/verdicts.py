"""What can be wrong with the events that a reader delivered."""

from collections.abc import Sequence

from tests.eventstore.high_water_mark.readers import Delivered


def missed(delivered: Sequence[Delivered], committed: Sequence[int]) -> set[int]:
    """The committed positions that never came."""
    return set(committed) - {event.position for event in delivered}


def out_of_order(delivered: Sequence[Delivered]) -> list[Delivered]:
    """The events that came when their stream was not exactly one version before them.

    An event that came twice is one of them, and so is the one after an event that was missed.
    """
    versions: dict[int, int] = {}
    wrong = []
    for event in delivered:
        if event.version != versions.get(event.stream, 0) + 1:
            wrong.append(event)
        versions[event.stream] = event.version
    return wrong


def before_their_cause(delivered: Sequence[Delivered]) -> list[Delivered]:
    """The events that came before one that their writer had already seen."""
    came: set[int] = set()
    wrong = []
    for event in delivered:
        if event.seen and event.seen not in came:
            wrong.append(event)
        came.add(event.position)
    return wrong
