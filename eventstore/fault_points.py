"""Places at which a test ends the process, as kill -9 would. Nothing but tests arms them.

A crash between two statements cannot be timed from outside; so each place where one matters has a
name, and `tests/crashes/` kills a process at every one of them.
"""

from collections.abc import Callable

#: What has happened when the place is reached.
POINTS = {
    "command.claimed": "the command id is taken, nothing is decided",
    "command.handled": "the handler has saved, rows are not written",
    "append.begun": "the aggregate has decided, the append call is not sent",
    "append.ended": "the append call is answered: events, reactions and answer, uncommitted",
    "command.projected": "inline rows are written, COMMIT is not sent",
    "command.committed": "COMMIT is answered, the sender is not",
    "refusal.begun": "a refusal has rolled back, and is not stored",
    "refusal.stored": "a refusal is stored, uncommitted",
    "refusal.committed": "a refusal is committed, nobody has heard of it",
    "step.begun": "a step has locked its instance",
    "step.reacted": "the process manager has decided, nothing is written",
    "step.written": "state, commands and effects are written, uncommitted",
    "step.committed": "a step is committed, its commands are not sent",
    "effect.claimed": "an effect is claimed, not performed",
    "effect.performed": "an effect is performed, which nobody has noted",
    "effect.noted": "an effect's outcome is noted, nobody has reacted to it",
    "subscription.taken": "a projection's checkpoint is locked, nothing is read",
    "subscription.projected": "a batch's rows are written, the checkpoint is not",
    "subscription.moved": "rows and checkpoint are written, uncommitted",
    "subscription.committed": "a batch is committed, nobody has heard of it",
    "schedule.claimed": "a command for later is claimed, not tried",
    "box.begun": "a stream is locked, its file is empty",
    "box.written": "a box is written, and not on the disk",
    "box.kept": "a box is on the disk under its name, not read back",
    "box.verified": "a box is verified, not registered",
    "box.deleted": "a box is registered, the events are deleted, uncommitted",
    "unbox.begun": "a box is verified and marked as unboxed, no event is back",
    "unbox.copied": "the events are back, commands and snapshot are not",
    "unbox.restored": "a stream is back and active, uncommitted",
    "removal.begun": "a tenant is switched off, nothing of it is deleted",
    "removal.deleted": "a tenant's rows are deleted, but for its streams; uncommitted",
    "removal.certified": "a tenant's certificate is on the disk without its name, uncommitted",
    "removal.committed": "a tenant is gone, its certificate has no name yet",
    "removal.kept": "a tenant is gone, files of its boxes are not",
    "rebuild.begun": "a rebuild is on record, its tables are not made",
    "rebuild.made": "a rebuild's tables are there, and empty",
    "rebuild.batch": "a batch of a rebuild is read",
    "rebuild.filled": "a rebuild's tables are filled, the live ones serve",
    "rebuild.locked": "a rebuild holds all its locks, and has not read the rest",
    "rebuild.swapped": "a rebuild's tables are in place, uncommitted",
    "rebuild.committed": "a rebuild's tables are in place, nobody has heard of it",
}

_strike: Callable[[str], None] | None = None


def arm(strike: Callable[[str], None] | None) -> None:
    """Call `strike` with the name of each place that is reached from now on; None: disarm."""
    global _strike
    _strike = strike


def reach(point: str) -> None:
    if _strike is not None:
        _strike(point)
