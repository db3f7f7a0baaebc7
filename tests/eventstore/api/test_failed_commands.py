"""A process manager's command that could not be done, as its sender sees it in the log."""

from eventstore.models import StoredCommand
from tests.eventstore.admin.stuck import with_failed_command
from tests.eventstore.support import World
from tests.http import Api


def test_the_text_of_an_error_is_for_operators_in_the_admin(world: World, api: Api) -> None:
    with_failed_command(world)
    failed = StoredCommand.objects.get(status="failed")
    assert failed.result is not None
    assert failed.result["error"]

    shown = api.get(f"/api/commands/{failed.id}").body

    assert (shown["status"], shown["code"]) == ("failed", "projection_failed")
    assert shown["result"] == {"detail": failed.result["detail"]}
