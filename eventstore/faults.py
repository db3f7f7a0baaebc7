"""The base of all our errors, and those of our own code and of stored data.

Callers import them, like every other error, from `eventstore.errors`.
"""

from uuid import UUID


class DaybookError(Exception):
    """Base of all our errors; `code` is part of the contract with client programs."""

    code: str = "internal"


class RegistrationError(DaybookError):
    """Something is registered twice or not at all; raised at start, never while serving."""


class Unreadable(DaybookError):
    """Stored events that this code cannot replay; what needs them waits until that is mended."""

    code = "busy"


class UnknownEventType(Unreadable):
    """A stored event has a type or schema version that this code does not know."""

    def __init__(self, type_name: str, schema_version: int) -> None:
        self.type_name = type_name
        self.schema_version = schema_version
        super().__init__(
            f"Event type {type_name}, schema version {schema_version}, is not registered. "
            "Register it, or deploy the code that knows it."
        )


class UpcastFailed(Unreadable):
    """A stored event of an older schema version could not be brought to the present one."""

    def __init__(self, type_name: str, from_version: int, upcaster: str, problem: str) -> None:
        self.type_name = type_name
        self.from_version = from_version
        self.upcaster = upcaster
        super().__init__(
            f"Event type {type_name}, schema version {from_version}: {upcaster} {problem}. "
            "Mend the upcaster; what is stored is as it was."
        )


class UnreadableEvent(Unreadable):
    """A stored event of the present schema version is not as this code says it is."""

    def __init__(self, type_name: str, schema_version: int, problem: str) -> None:
        self.type_name = type_name
        self.schema_version = schema_version
        super().__init__(
            f"Event type {type_name}, schema version {schema_version}: {problem}. Raise its "
            "schema version and write an upcaster, or look for what was stored by other code."
        )


class UnreadableData(Unreadable):
    """What is stored of a command, an effect or a process is not as this code says it is."""

    def __init__(self, class_name: str, problem: str) -> None:
        super().__init__(
            f"What is stored is no {class_name} ({problem}). Give new fields a default, and keep "
            "old ones until nothing that is stored has them; then retry."
        )


class UnsendableCommand(DaybookError):
    """A process manager returned a command whose fields are out of their bounds."""

    code = "unsendable_command"

    def __init__(self, command: str, errors: dict[str, list[str]]) -> None:
        wrong = "; ".join(f"{name} {', '.join(texts)}" for name, texts in errors.items())
        super().__init__(f"{command} cannot be sent: {wrong}. Mend `react`, then retry this step.")


class CorruptStream(Unreadable):
    """A stream's rows contradict each other (a hole, a missing tail); `verify` tells more."""

    def __init__(self, stream: str, version: int, found: int) -> None:
        super().__init__(
            f"Stream {stream} says it is at version {version}, but its events end at {found}. "
            "Run `manage.py verify` before anything is written to it."
        )


class NotBoxable(Unreadable):
    """What a stream holds could not be verified in a box; no other try would end otherwise."""

    def __init__(self, stream: str, problem: str) -> None:
        super().__init__(
            f"{stream} cannot be boxed: its box would not be sound, as it {problem}. Nothing was "
            "changed. Run `manage.py verify`."
        )


class NotReplayable(Unreadable):
    """An event cannot be decoded or applied, so from its version on there is no state."""

    def __init__(self, stream: str, version: int, cause: Exception) -> None:
        self.version = version
        reason = str(cause)
        if not isinstance(cause, DaybookError):
            reason = f"{type(cause).__name__}: {cause}. Deploy the code that can read it."
        super().__init__(f"From version {version} on, {stream} has no state. {reason}")


class NoSuchVersion(DaybookError):
    """A version that a stream does not have, or not yet."""

    code = "not_found"

    def __init__(self, stream: str, version: int, last: int) -> None:
        super().__init__(
            f"Stream {stream} has no version {version}. Choose one from 0, which is before its "
            f"first event, to {last}."
        )


class RowExists(DaybookError):
    """A projection inserts a row that an earlier event has inserted or changed."""

    def __init__(self, table: str, key: object) -> None:
        super().__init__(
            f"Table {table} has a row {key} already. Insert it once, on the event that begins it, "
            "and update it afterwards."
        )


class MissingRow(DaybookError):
    """A projection updates a row that no event has inserted."""

    def __init__(self, table: str, key: object) -> None:
        super().__init__(
            f"Table {table} has no row {key}. Insert it on the event that begins it, "
            "and list that event in the projection's registration."
        )


# In the background -------------------------------------------------------------------------------


class ProjectionModeDiffers(DaybookError):
    """This process and the database do not agree on who brings a projection's rows up to date."""

    code = "projection_failed"

    def __init__(self, projection: str, active: str | None, registered: str | None) -> None:
        self.projection = projection
        self.active = active
        self.registered = registered
        super().__init__(
            f"Projection {projection} is {active or 'unknown'} in the database, and "
            f"{registered or 'unknown'} in the code of this process. Nothing was stored. Run the "
            "same code everywhere; for one that the code has no more, `manage.py projections "
            f"forget {projection}`."
        )


class NotCaughtUp(DaybookError):
    """A read model does not contain yet what its reader wants to find in it."""

    code = "not_caught_up"

    def __init__(self, projection: str, reason: str) -> None:
        self.projection = projection
        super().__init__(
            f"{projection} does not contain all of it yet: {reason}. Try again in a moment; "
            "operators see under Projections why it stands still."
        )


class NotWaitable(DaybookError):
    """A read model that is brought up to date at intervals: nobody can wait for it."""

    code = "not_waitable"

    def __init__(self, projection: str) -> None:
        super().__init__(
            f"{projection} is brought up to date at intervals. Leave `min_position` out; `as_of` "
            "in the answer says from when it is."
        )


class NotRebuildable(DaybookError):
    """A projection's rows cannot be replaced as things are; they stay as they were."""

    code = "not_applicable"

    def __init__(self, projection: str, reason: str) -> None:
        self.projection = projection
        self.reason = reason
        super().__init__(f"{projection} cannot be rebuilt: {reason}. Its rows are as before.")


class AlreadyRunning(DaybookError):
    """Somebody else is at it: rebuilding, checking or mending the same rows."""

    code = "not_applicable"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is already running. Wait until it has ended, then try again.")


class ReplayFailed(DaybookError):
    """A projection raised at an event, or the database refuses its rows."""

    code = "projection_failed"

    def __init__(
        self, projection: str, position: int, problem: str, *, is_exact: bool = True
    ) -> None:
        """`is_exact`: it was this event; else it, or one before it."""
        self.projection = projection
        self.position = position
        super().__init__(
            f"{projection} failed {'at' if is_exact else 'at or before'} position {position}: "
            f"{problem} Its rows are as before. Mend the projection, or skip the event, then "
            "rebuild again."
        )


class NotApplicable(DaybookError):
    """An operator's wish that a projection's mode or state does not allow."""

    code = "not_applicable"


class NotSchedulable(DaybookError):
    """A command with a secret, which is nowhere stored, and so cannot be done later."""

    code = "not_schedulable"

    def __init__(self, command: str) -> None:
        super().__init__(
            f"{command} has a secret field, which is never stored. Send it without `at`."
        )


class NotCancellable(DaybookError):
    """A command that is not waiting for its time (any more)."""

    code = "not_cancellable"

    def __init__(self, command_id: UUID, status: str) -> None:
        super().__init__(
            f"Command {command_id} is {status}. Only a scheduled command can be cancelled."
        )


class ColdStorageFailed(DaybookError):
    """A file of cold storage cannot be written or removed: no space, no right, no folder."""

    code = "busy"

    def __init__(self, what: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Cold storage: cannot {what}: {reason}. Nothing was changed. Make room or mend the "
            "folder (COLD_STORAGE_ROOT), and try again."
        )
