"""Every error that Daybook raises, each with a stable `code` and a sentence that names the remedy.

No class here knows HTTP: `config.api_errors` holds the one table from code to status.
A `Refusal` is the domain's answer to a command. It is stored with the command and given again
to whoever sends the same command id. Everything else stores nothing and leaves the id free.
"""

from collections.abc import Sequence
from uuid import UUID

from eventstore.faults import AlreadyRunning as AlreadyRunning
from eventstore.faults import ColdStorageFailed as ColdStorageFailed
from eventstore.faults import CorruptStream as CorruptStream
from eventstore.faults import DaybookError as DaybookError
from eventstore.faults import MissingRow as MissingRow
from eventstore.faults import NoSuchVersion as NoSuchVersion
from eventstore.faults import NotApplicable as NotApplicable
from eventstore.faults import NotBoxable as NotBoxable
from eventstore.faults import NotCancellable as NotCancellable
from eventstore.faults import NotCaughtUp as NotCaughtUp
from eventstore.faults import NotRebuildable as NotRebuildable
from eventstore.faults import NotReplayable as NotReplayable
from eventstore.faults import NotSchedulable as NotSchedulable
from eventstore.faults import NotWaitable as NotWaitable
from eventstore.faults import ProjectionModeDiffers as ProjectionModeDiffers
from eventstore.faults import RegistrationError as RegistrationError
from eventstore.faults import ReplayFailed as ReplayFailed
from eventstore.faults import RowExists as RowExists
from eventstore.faults import UnknownEventType as UnknownEventType
from eventstore.faults import Unreadable as Unreadable
from eventstore.faults import UnreadableData as UnreadableData
from eventstore.faults import UnreadableEvent as UnreadableEvent
from eventstore.faults import UnsendableCommand as UnsendableCommand
from eventstore.faults import UpcastFailed as UpcastFailed

# Refusals: stored, and replayed with the command id ----------------------------------------------


class Refusal(DaybookError):
    """A command was understood and cannot be done. Domains derive their own from this."""

    code = "refused"


class AggregateNotFound(Refusal):
    code = "not_found"

    def __init__(self, category: str, aggregate_id: UUID) -> None:
        self.category = category
        self.aggregate_id = aggregate_id
        super().__init__(f"There is no {category} with id {aggregate_id}. Check the id.")


class AlreadyExists(Refusal):
    code = "already_exists"

    def __init__(self, category: str, aggregate_id: UUID) -> None:
        self.category = category
        self.aggregate_id = aggregate_id
        super().__init__(
            f"The id {aggregate_id} is taken, so no {category} can be made under it. "
            "Choose another id, or leave it out and get one."
        )


class Boxed(Refusal):
    code = "boxed"

    def __init__(self, category: str, aggregate_id: UUID) -> None:
        self.category = category
        self.aggregate_id = aggregate_id
        super().__init__(
            f"The {category} {aggregate_id} is in cold storage. An operator can unbox it."
        )


class PendingWork(Refusal):
    """A stream cannot be boxed or unboxed, since something still needs it as it is."""

    code = "pending_work"

    def __init__(self, category: str, aggregate_id: UUID, work: Sequence[str]) -> None:
        self.work = tuple(work)
        super().__init__(
            f"The {category} {aggregate_id} still has pending work: {'; '.join(work)}. "
            "Let it end, or cancel it, then try again."
        )


class BoxDamaged(Refusal):
    """A file of cold storage is not there, or not what was written.

    `problem` says how, without a word of what the file holds.
    """

    code = "box_damaged"

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"The box {path} cannot be used: it {problem}. Nothing was changed. Bring back the "
            "file as it was written, from a copy of cold storage."
        )


class ReplayedRefusal(Refusal):
    """A refusal stored earlier under the same command id; `code` is the first answer's."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


# Concurrency: nothing stored ---------------------------------------------------------------------


class WrongExpectedVersion(DaybookError):
    """The stream moved on between load and append. Nothing was appended."""

    code = "version_conflict"

    def __init__(self, category: str, aggregate_id: UUID, expected: int, actual: int) -> None:
        self.category = category
        self.aggregate_id = aggregate_id
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"Stream {category}-{aggregate_id} is at version {actual}, but version {expected} "
            "was expected. Load the aggregate again and decide anew."
        )


class StaleVersion(DaybookError):
    """The sender named a version (`If-Match`), and the aggregate is no longer there."""

    code = "stale_version"

    def __init__(self, category: str, aggregate_id: UUID, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"The {category} {aggregate_id} is at version {actual}, not {expected}. "
            "Read it again and send the command with the version you have seen."
        )


class Busy(DaybookError):
    """The database could not do this now: a deadlock, a late lock, no connection."""

    code = "busy"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The database could not do this now ({reason}). Nothing was stored; try again in a "
            "moment, a command under the same id."
        )


class OutcomeUnknown(DaybookError):
    """The connection broke at COMMIT: done or not done, only the database knows."""

    code = "outcome_unknown"

    def __init__(self, command_id: UUID) -> None:
        self.command_id = command_id
        super().__init__(
            f"The connection to the database broke while command {command_id} was committed. "
            "Send it again under the same id: it happens once, and you get its answer."
        )


class ProjectionFailed(DaybookError):
    """An inline projection raised, so the command was rolled back; the cause is chained."""

    code = "projection_failed"

    def __init__(self, projection: str, position: int) -> None:
        self.projection = projection
        self.position = position
        super().__init__(
            f"Projection {projection} failed at position {position}. Nothing was stored; "
            "mend the projection and send the command again."
        )


# Input: nothing stored ---------------------------------------------------------------------------


class ValidationFailed(DaybookError):
    """Fields, headers or parameters are wrong; `errors` maps each to its messages, all at once."""

    code = "validation_failed"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__("Some values are missing or wrong; see `errors`.")


class MalformedJson(DaybookError):
    code = "malformed_json"

    def __init__(self, problem: str) -> None:
        super().__init__(f"The body is not a JSON object that can be read: {problem}.")


class UnknownParameter(DaybookError):
    """A query parameter that does not exist here."""

    code = "unknown_parameter"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__("Some query parameters are unknown here; see `errors`.")


class BodyTooLarge(DaybookError):
    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body has more than {limit} bytes. Send less.")


class EventTooLarge(DaybookError):
    code = "event_too_large"

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        super().__init__(
            f"An event {event_type} would have {size} bytes, and at most {limit} are stored. "
            "Send smaller values."
        )


class UnsupportedMediaType(DaybookError):
    code = "unsupported_media_type"

    def __init__(self, media_type: str) -> None:
        super().__init__(
            f"Commands are sent as application/json in UTF-8, not as {media_type or 'nothing'}."
        )


class CommandIdReused(DaybookError):
    code = "command_id_reused"

    def __init__(self, command_id: UUID) -> None:
        super().__init__(
            f"Command id {command_id} was used for other content. Send this under a new id."
        )


# Access ------------------------------------------------------------------------------------------


class Unauthenticated(DaybookError):
    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "Send a valid API key as `Authorization: Bearer <key>`, or log in and send the "
            "session's cookie with `X-Tenant: <slug>`."
        )


class Forbidden(DaybookError):
    code = "forbidden"

    def __init__(self, what: str) -> None:
        super().__init__(f"You may not {what}. Ask an operator of your tenant.")


class CsrfFailed(DaybookError):
    """A session's cookie travels with every request, also with one that a foreign page made."""

    code = "forbidden"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason} With a session, send the value of the cookie `csrftoken` as `X-CSRFToken`."
        )


class RateLimited(DaybookError):
    """Too many calls by one key (or by one user's session in a tenant) within a minute."""

    code = "rate_limited"

    def __init__(self, limit: int, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"More than {limit} calls within a minute. Wait {seconds} s.")


class NotFound(DaybookError):
    """Nothing is there, or it belongs to another tenant: the answer is the same."""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no {what}.")
