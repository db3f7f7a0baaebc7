"""Money in one currency: exact, two places, a string in JSON."""

from decimal import Decimal
from typing import Annotated

from eventstore.fields import ExactDecimal

MONEY = ExactDecimal(places=2, below=10**15)

#: An amount that moves: positive, below 10^15.
Money = Annotated[Decimal, MONEY]

ZERO = Decimal("0.00")
