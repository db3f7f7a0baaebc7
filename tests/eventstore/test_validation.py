"""Every field's errors at once, also for commands that were made in Python."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import uuid4

import pytest

from eventstore.commands import Command
from eventstore.errors import ValidationFailed
from eventstore.fields import ExactDecimal, Text, bound_of
from eventstore.validation import validated
from ledger.accounts.commands import CloseAccount, DepositMoney
from ledger.persons.commands import RegisterPerson

Short = Annotated[str, Text(minimum=1, maximum=3)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Several(Command):
    one: Short
    two: Short
    amount: Annotated[Decimal, ExactDecimal(places=2, below=100)]
    note: Short | None = None
    unbounded: str = ""


def several(**values: Any) -> Several:
    return Several(
        **{"aggregate_id": uuid4(), "one": "a", "two": "b", "amount": Decimal("1.00"), **values}
    )


def errors_of(command: Command) -> dict[str, list[str]]:
    with pytest.raises(ValidationFailed) as failed:
        validated(command)
    return failed.value.errors


def test_a_command_within_its_bounds_passes() -> None:
    for command in (
        several(),
        several(note="abc", unbounded="x" * 10_000),
        CloseAccount(aggregate_id=uuid4()),
    ):
        assert validated(command) is command


def test_all_errors_come_at_once() -> None:
    errors = errors_of(several(one="", two="long", amount=Decimal("0.001"), note=""))

    assert errors == {
        "one": ["must have 1 to 3 characters"],
        "two": ["must have 1 to 3 characters"],
        "amount": ["must have at most 2 digits after the point"],
        "note": ["must have 1 to 3 characters"],
    }


def test_an_optional_field_may_be_none() -> None:
    assert validated(several(note=None)).note is None


def test_a_field_that_is_not_optional_may_not_be_none() -> None:
    assert set(errors_of(several(one=None, amount=None))) == {"one", "amount"}


@pytest.mark.parametrize("name", [" Alice", "Alice ", "\tAlice\n"])
def test_text_is_trimmed(name: str) -> None:
    command = RegisterPerson(aggregate_id=uuid4(), first_name=name, last_name="Cooper")

    assert validated(command).first_name == "Alice"


@pytest.mark.parametrize(
    "amount", [5, Decimal("5"), Decimal("5.0"), Decimal("5.000"), Decimal("5E+0"), "5"]
)
def test_an_amount_is_brought_into_its_normal_form(amount: Any) -> None:
    """Else one amount would be stored as `5`, as `5.0` or as `5E+0`, and hashed differently."""
    command = DepositMoney(aggregate_id=uuid4(), amount=amount)

    assert str(validated(command).amount) == "5.00"


def test_the_bound_of_a_hint_is_found_inside_a_union() -> None:
    assert bound_of(Short) == bound_of(Short | None) == Text(minimum=1, maximum=3)
    assert bound_of(str) is bound_of(str | None) is bound_of(Annotated[str, "no bound"]) is None
