"""An application with commands of the tests' own, for what the sample domain does not do."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import ledger.registration
import projections.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.commands import Command
from eventstore.database import Database
from eventstore.pipeline import Step
from eventstore.repository import Repository
from ledger.accounts.aggregate import Account
from ledger.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtAccount(Command):
    """Changes nothing."""


def look_at_account(command: LookAtAccount, repository: Repository) -> None:
    repository.save(repository.load(Account, command.aggregate_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveMoney(Command):
    """From one account to another in one command, which the sample domain leaves to a process."""

    to_account_id: UUID
    amount: Money


def move_money(command: MoveMoney, repository: Repository) -> None:
    """Save the account that is paid before the other one is asked, which may refuse."""
    target = repository.load(Account, command.to_account_id)
    target.deposit(command.amount, None, "")
    repository.save(target)
    source = repository.load(Account, command.aggregate_id)
    source.withdraw(command.amount, None, "")
    repository.save(source)


def own_application(
    move: Callable[[MoveMoney, Repository], None] = move_money,
    *,
    steps: list[type[Step]] | None = None,
    alias: str = "default",
    snapshot_every: int = 100,
    cache_size: int = 100,
) -> Application:
    """The sample application with these two commands, fresh for each test."""
    application = Application(
        pipeline=pipeline_from_settings() if steps is None else steps,
        database=Database(alias),
        snapshot_every=snapshot_every,
        cache_size=cache_size,
    )
    ledger.registration.register(application)
    projections.registration.register(application)
    application.commands.handle(LookAtAccount, look_at_account, name="look-at-account")
    application.commands.handle(MoveMoney, move, name="move-money")
    return application
