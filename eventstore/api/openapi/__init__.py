"""The event store's part of the API's description (OpenAPI 3.1), made from what is registered."""

from eventstore.api.openapi.commands import COMMAND_ANSWER, SCHEDULED_ANSWER, command_paths
from eventstore.api.openapi.inspection import FEED_EVENT, STREAM, STREAM_EVENT, inspection_paths
from eventstore.api.openapi.log import LISTED_COMMAND, LOGGED_COMMAND, log_paths
from eventstore.api.openapi.parts import PROBLEM, Part, Problems
from eventstore.api.openapi.projections import PROJECTION, projection_paths
from eventstore.api.openapi.rebuilds import LISTED_REBUILD, REBUILD, rebuild_paths
from eventstore.application import Application
from eventstore.input.schemas import Schema

#: What the operations refer to under `#/components/schemas/`.
SCHEMAS: dict[str, Schema] = {
    "CommandAnswer": COMMAND_ANSWER,
    "FeedEvent": FEED_EVENT,
    "ListedCommand": LISTED_COMMAND,
    "ListedRebuild": LISTED_REBUILD,
    "LoggedCommand": LOGGED_COMMAND,
    "Problem": PROBLEM,
    "Projection": PROJECTION,
    "Rebuild": REBUILD,
    "ScheduledAnswer": SCHEDULED_ANSWER,
    "Stream": STREAM,
    "StreamEvent": STREAM_EVENT,
}


def paths(application: Application, problems: Problems) -> dict[str, Part]:
    """Every URL of `eventstore.api.urls`, with each registered command's own."""
    return {
        **command_paths(application.commands.offered(), problems),
        **log_paths(problems),
        **inspection_paths(problems),
        **projection_paths(problems),
        **rebuild_paths(problems),
    }
