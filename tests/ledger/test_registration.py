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
        ("transfer.started", 1),
        ("transfer.updated", 1),
        ("transfer.completed", 1),
        ("transfer.failed", 1),
        ("user.registration_started", 1),
        ("user.registration_succeeded", 1),
        ("user.registration_failed", 1),
    }
    assert commands >= {
        ("register-person", True),
        ("rename-person", False),
        ("open-account", True),
        ("deposit-money", False),
        ("withdraw-money", False),
        ("refund-money", False),
        ("close-account", False),
        ("start-transfer", True),
        ("update-transfer", False),
        ("complete-transfer", False),
        ("fail-transfer", False),
        ("start-user-registration", True),
        ("complete-user-registration", False),
    }
    processes = {process.manager.name for process in application.processes}
    assert processes >= {"transfer", "user_registration"}
