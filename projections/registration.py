"""The read side's table of contents: every projection with its mode, one line each."""

from eventstore.application import Application
from projections.accounts import ACCOUNT_SUMMARY
from projections.overviews import TENANT_OVERVIEW
from projections.persons import PERSON_SUMMARY
from projections.statements import ACCOUNT_STATEMENT
from projections.totals import DAILY_TOTALS
from projections.transfers import TRANSFER_SUMMARY
from projections.users import USER_SUMMARY

#: Seconds between two runs of the daily totals.
TOTALS_EVERY = 60.0


def register(application: Application, *, totals_every: float = TOTALS_EVERY) -> None:
    application.projections.inline(USER_SUMMARY)
    application.projections.inline(ACCOUNT_SUMMARY)
    # Last: its rows are shared by all accounts of a person, so they are locked the shortest.
    application.projections.inline(PERSON_SUMMARY)
    application.projections.asynchronous(TRANSFER_SUMMARY)
    application.projections.asynchronous(ACCOUNT_STATEMENT)
    application.projections.on_demand(TENANT_OVERVIEW)
    application.projections.scheduled(DAILY_TOTALS, every=totals_every)

    application.locations["person"] = "/api/persons/{aggregate_id}"
    application.locations["account"] = "/api/accounts/{aggregate_id}"
    application.locations["transfer"] = "/api/transfers/{aggregate_id}"
    application.locations["user"] = "/api/users/{aggregate_id}"
