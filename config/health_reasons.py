"""When the background needs an operator: what `/readyz` says about it, in plain sentences."""

from collections.abc import Iterable, Iterator

from eventstore.lag import Backlog, EndedBadly, Holder, Lag, ProjectionLag, SetAside
from eventstore.projections import Mode

#: Seconds. A worker that is at work is far below them.
MOST_LAG = 30
MOST_OVERDUE = 60
MOST_HELD = 10


def reasons(lag: Lag) -> list[str]:
    """None: all is well."""
    # Their age is asked, not how many they are.
    projections = lag.projections(count_up_to=1)
    return [
        *(reason for projection in projections for reason in of_projection(projection)),
        *of_backlog("command", lag.due_commands()),
        *of_backlog("reaction", lag.due_reactions()),
        *of_backlog("rebuild", lag.due_rebuilds()),
        *of_set_aside(lag.set_aside()),
        *of_rebuilds(lag.ended_badly()),
        *of_holder(lag.holder()),
    ]


def of_projection(lag: ProjectionLag) -> Iterator[str]:
    if lag.mode is not lag.registered_mode:
        yield (
            f"Projection {lag.name} is {lag.mode} in the database, and {lag.registered_mode} in "
            "the code of this process."
        )
    if lag.is_inline:
        return
    if lag.status == "stopped":
        yield f"Projection {lag.name} has stopped: an event failed at {lag.failed_position}."
    elif lag.status == "paused":
        yield f"Projection {lag.name} is paused, at position {lag.position}."
    elif lag.error and lag.failed_position is None:
        yield f"Projection {lag.name} waits at position {lag.position}: a box cannot be read."
    elif lag.mode is Mode.ASYNC and lag.lag_seconds > MOST_LAG:
        yield f"Projection {lag.name} is {lag.lag_seconds:.0f} s behind."
    elif lag.mode is Mode.SCHEDULED and lag.overdue_seconds > (lag.every or 0) + MOST_OVERDUE:
        yield f"Projection {lag.name} has been due for {lag.overdue_seconds:.0f} s."


def of_backlog(what: str, due: Backlog) -> Iterator[str]:
    if due.oldest_seconds > MOST_OVERDUE:
        seconds = f"{due.oldest_seconds:.0f} s"
        yield f"{counted(due.size, what)} due, and nobody has done the oldest for {seconds}."


def of_set_aside(aside: SetAside) -> Iterator[str]:
    """Projections that have stopped are told by name."""
    if aside.reactions:
        yield f"{counted(aside.reactions, 'reaction')} set aside after all attempts."
    if aside.commands:
        yield f"{counted(aside.commands, 'command')} set aside after all attempts."


def of_rebuilds(ended_badly: Iterable[EndedBadly]) -> Iterator[str]:
    for run in ended_badly:
        if run.status == "differs":
            yield f"Rows of projection {run.projection} differ from a replay, says its last check."
        else:
            yield f"The last {run.kind} of projection {run.projection} has failed."


def counted(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def of_holder(holder: Holder | None) -> Iterator[str]:
    if holder is None or holder.seconds is None or holder.seconds <= MOST_HELD:
        return
    who = "A prepared transaction" if holder.pid is None else f"PostgreSQL's process {holder.pid}"
    yield f"{who} holds all readers of events back, in a transaction of {holder.seconds:.0f} s."
