"""`user_summary`: each user with their login name, and how their registration ended."""

from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Projection, Rows, Table
from ledger.users.events import (
    UserRegistrationFailed,
    UserRegistrationStarted,
    UserRegistrationSucceeded,
)
from projections.models import UserSummary

UserSummaryEvent = UserRegistrationStarted | UserRegistrationSucceeded | UserRegistrationFailed


def project_user_summary(recorded: RecordedEvent[UserSummaryEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case UserRegistrationStarted():
            rows.insert(
                UserSummary,
                recorded.aggregate_id,
                login_name=event.login_name,
                version=recorded.version,
                updated_at=recorded.recorded_at,
            )
        case UserRegistrationSucceeded():
            _end(recorded, rows, UserSummary.Status.SUCCEEDED)
        case UserRegistrationFailed():
            _end(recorded, rows, UserSummary.Status.FAILED)
        case _:
            assert_never(event)


def _end(
    recorded: RecordedEvent[UserSummaryEvent], rows: Rows, status: UserSummary.Status
) -> None:
    rows.update(
        UserSummary,
        recorded.aggregate_id,
        status=status.value,
        version=recorded.version,
        updated_at=Latest(recorded.recorded_at),
    )


USER_SUMMARY = Projection(
    name="user_summary",
    project=project_user_summary,
    events=get_args(UserSummaryEvent),
    tables=(Table(UserSummary, key=("user_id",)),),
)
