"""Runs the second domain where ours cannot be imported, and prints what came of it."""

import json
import os
import sys
from uuid import uuid4

from tests.contracts.blocked import block

DATABASE_VARIABLE = "LIBRARY_DATABASE"


def main() -> None:
    block("ledger", "projections", "config", "rest_framework", "django_q")
    set_up_django(json.loads(os.environ[DATABASE_VARIABLE]))
    print(json.dumps(play()))


def set_up_django(database: dict[str, object]) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "eventstore.apps.EventstoreConfig",
            "tests.contracts.library.apps.LibraryConfig",
        ],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        EVENTSTORE={
            "APPLICATION": "tests.contracts.library.domain.build_application",
            "PIPELINE": [
                "eventstore.pipeline.LogEachCommand",
                "eventstore.pipeline.Authorise",
                "eventstore.pipeline.Validate",
                *required_steps(),
            ],
        },
    )
    django.setup()
    call_command("check", fail_level="WARNING", stdout=sys.stderr)
    call_command("migrate", run_syncdb=True, verbosity=0)


def required_steps() -> list[str]:
    """In the order that the checks demand; read as text, since settings are not there yet."""
    return json.loads(os.environ["LIBRARY_STEPS"])


def play() -> dict[str, object]:
    from eventstore.application import get_application
    from eventstore.errors import Refusal
    from eventstore.models import Tenant
    from eventstore.tenancy import Actor, Role
    from tests.contracts.library.domain import BuyBook, LendBook
    from tests.contracts.library.models import BookOnShelf
    from tests.replay import assert_rows_equal_a_replay

    application = get_application()
    tenant = Tenant.objects.create(slug="library", name="Library")
    actor = Actor(tenant_id=tenant.id, user="lisa", role=Role.MEMBER)
    book, command_id = uuid4(), uuid4()
    send = application.bus.send
    bought = send(BuyBook(aggregate_id=book, title="Momo"), actor=actor)
    lend = LendBook(aggregate_id=book, reader="Ada")
    lent = send(lend, actor=actor, command_id=command_id)
    again = send(lend, actor=actor, command_id=command_id)
    try:
        send(LendBook(aggregate_id=book, reader="Bob"), actor=actor)
        refusal = ""
    except Refusal as error:
        refusal = error.code
    assert_rows_equal_a_replay(application)
    return {
        "versions": [bought.version, lent.version],
        "replayed": again.replayed,
        "refusal": refusal,
        "events": [recorded.type for recorded in application.reader.read_log()],
        "rows": list(BookOnShelf.objects.values_list("title", "reader", "loans")),
    }


if __name__ == "__main__":
    main()
