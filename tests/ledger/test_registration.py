"""The permanent names: stored in every database there is, so a change here breaks them."""

from eventstore.application import Application
from ledger.registration import register


def test_the_names_of_events_and_commands_are_for_ever() -> None:
    application = Application(pipeline=[])
    register(application)

    events = {(event.name, event.schema_version) for event in application.events}
    commands = {(command.name, command.creates) for command in application.commands}
    assert events >= {
        ("person.registered", 1),
        ("person.renamed", 1),
        ("account.opened", 1),
        ("account.money_deposited", 2),
        ("account.money_withdrawn", 2),
        ("account.closed", 1),
    }
    assert commands >= {
        ("register-person", True),
        ("rename-person", False),
        ("open-account", True),
        ("deposit-money", False),
        ("withdraw-money", False),
        ("close-account", False),
    }
