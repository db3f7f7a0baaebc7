"""The read side's table of contents: every projection with its mode, one line each."""

from eventstore.application import Application
from projections.accounts import ACCOUNT_SUMMARY
from projections.persons import PERSON_SUMMARY
from projections.transfers import TRANSFER_SUMMARY
from projections.users import USER_SUMMARY


def register(application: Application) -> None:
    application.projections.inline(USER_SUMMARY)
    application.projections.inline(ACCOUNT_SUMMARY)
    application.projections.inline(TRANSFER_SUMMARY)
    # Last: its rows are shared by all accounts of a person, so they are locked the shortest.
    application.projections.inline(PERSON_SUMMARY)

    application.locations["person"] = "/api/persons/{aggregate_id}"
    application.locations["account"] = "/api/accounts/{aggregate_id}"
    application.locations["transfer"] = "/api/transfers/{aggregate_id}"
    application.locations["user"] = "/api/users/{aggregate_id}"
