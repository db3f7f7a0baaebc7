"""Contestants that read `deposit-money` from JSON, from bytes to typed values within bounds."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from rest_framework.parsers import JSONParser

from eventstore.application import get_application
from eventstore.input.commands import parse_command
from tests.benchmarks.measuring import Booking, Size, account_id
from tests.benchmarks.plain_rest import DepositSerializer
from tests.benchmarks.scratch_database import setting


class Parses:
    """The bodies of all requests, made before the time is taken, and what was read of them."""

    def __init__(self, size: Size) -> None:
        self.bodies = [body_of(booking) for booking in size.batch()]
        self.amounts: list[Decimal] = []

    def total(self) -> Decimal:
        return sum(self.amounts, Decimal(0))

    def setting(self, name: str) -> str:
        return setting(name)


def body_of(booking: Booking) -> bytes:
    document = {
        "aggregate_id": str(account_id(booking.account)),
        "amount": str(booking.amount),
        "booked_on": "1994-03-31",
        "reference": "Salary",
    }
    return json.dumps(document).encode()


class OurParses(Parses):
    """The edge parser."""

    def work(self, bookings: Sequence[Booking]) -> None:
        command_type = get_application().commands.named("deposit-money")
        new_id = uuid4()
        parsed: list[Any] = [
            parse_command(self.bodies[booking.account], command_type, new_id=new_id).command
            for booking in bookings
        ]
        self.amounts = [command.amount for command in parsed]


class PlainParses(Parses):
    """REST framework's parser, then a serializer: every request passes both."""

    def work(self, bookings: Sequence[Booking]) -> None:
        self.amounts = [self._read(self.bodies[booking.account]) for booking in bookings]

    def _read(self, body: bytes) -> Decimal:
        serializer = DepositSerializer(data=JSONParser().parse(BytesIO(body)))
        serializer.is_valid(raise_exception=True)
        amount: Decimal = serializer.validated_data["amount"]
        return amount


class TypedDeposit(msgspec.Struct, forbid_unknown_fields=True):
    aggregate_id: UUID
    amount: Decimal
    booked_on: date | None = None
    reference: Annotated[str, msgspec.Meta(max_length=140)] = ""


class MsgspecParses(Parses):
    """The limit: typed decoding in C. It is no wall.

    It takes a key twice, "NaN", a JSON float and any number of digits as an amount.
    """

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self._decode = msgspec.json.Decoder(TypedDeposit).decode

    def work(self, bookings: Sequence[Booking]) -> None:
        self.amounts = [self._decode(self.bodies[booking.account]).amount for booking in bookings]
