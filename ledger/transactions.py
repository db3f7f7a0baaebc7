"""Reads a bank's transactions from a file and says which commands post them.

Every id is derived from the tenant and the bank's own numbers. So the same file gives the same
commands under the same ids, however often it is read, and each of them happens once.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

from eventstore.commands import Command
from eventstore.errors import ValidationFailed
from eventstore.input.values import read_date
from eventstore.validation import validated
from ledger.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from ledger.money import MONEY
from ledger.persons.commands import RegisterPerson

COLUMNS = ("transaction_id", "account", "date", "type", "operation", "amount", "purpose")


class UnreadableFile(Exception):
    """A line that cannot be posted; nothing of the file has been."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}, line {line}: {problem}. Nothing was posted.")


@dataclass(frozen=True, slots=True)
class Transaction:
    """One line of the file."""

    transaction_id: str
    account: str
    booked_on: date
    is_credit: bool
    amount: Decimal
    reference: str
    line: int


@dataclass(frozen=True, slots=True)
class Posting:
    """A command under its permanent id, and the line that asks for it."""

    command_id: UUID
    command: Command
    line: int


def read_transactions(path: Path) -> list[Transaction]:
    """All lines of the file; raises UnreadableFile at the first one that cannot be posted."""
    transactions = []
    # With or without the mark that spreadsheets put before UTF-8.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"the columns {', '.join(missing)} are missing")
            for row in reader:
                transactions.append(_read_row(row, reader.line_num))
        except (ValueError, csv.Error) as error:
            raise UnreadableFile(path, max(reader.line_num, 1), str(error)) from None
    return transactions


def _read_row(row: dict[str, str], line: int) -> Transaction:
    if row["type"] not in ("credit", "withdrawal"):
        raise ValueError(f"type {row['type']!r} is neither credit nor withdrawal")
    if not row["transaction_id"] or not row["account"]:
        raise ValueError("transaction_id and account must not be empty")
    words = (row["transaction_id"], row["operation"], row["purpose"])
    return Transaction(
        transaction_id=row["transaction_id"],
        account=row["account"],
        booked_on=read_date(row["date"]),
        is_credit=row["type"] == "credit",
        amount=MONEY.clean(row["amount"]),
        reference=" ".join(word for word in words if word),
        line=line,
    )


def read_postings(path: Path, tenant_id: UUID) -> list[Posting]:
    """The commands in the order of the file, each account opened before its first transaction.

    All within their bounds; raises UnreadableFile where one is not.
    """
    postings = list(_postings(tenant_id, read_transactions(path)))
    for posting in postings:
        try:
            validated(posting.command)
        except ValidationFailed as error:
            raise UnreadableFile(path, posting.line, str(error.errors)) from None
    return postings


def account_id_of(tenant_id: UUID, account: str) -> UUID:
    """The id of the account that stands for the bank's number."""
    return uuid5(tenant_id, f"bank account {account}")


def _postings(tenant_id: UUID, transactions: list[Transaction]) -> Iterator[Posting]:
    opened: set[str] = set()
    for transaction in transactions:
        if transaction.account not in opened:
            opened.add(transaction.account)
            yield from _opening(tenant_id, transaction)
        yield _booking(tenant_id, transaction)


def _opening(tenant_id: UUID, transaction: Transaction) -> Iterator[Posting]:
    account, line = transaction.account, transaction.line
    owner_id = uuid5(tenant_id, f"bank client {account}")
    register = RegisterPerson(aggregate_id=owner_id, first_name="Client", last_name=account)
    yield Posting(uuid5(tenant_id, f"register bank client {account}"), register, line)
    account_id = account_id_of(tenant_id, account)
    opening = OpenAccount(aggregate_id=account_id, owner_id=owner_id, code=account)
    yield Posting(uuid5(tenant_id, f"open bank account {account}"), opening, line)


def _booking(tenant_id: UUID, transaction: Transaction) -> Posting:
    kind = DepositMoney if transaction.is_credit else WithdrawMoney
    command = kind(
        aggregate_id=account_id_of(tenant_id, transaction.account),
        amount=transaction.amount,
        booked_on=transaction.booked_on,
        reference=transaction.reference,
    )
    command_id = uuid5(tenant_id, f"post bank transaction {transaction.transaction_id}")
    return Posting(command_id, command, transaction.line)
