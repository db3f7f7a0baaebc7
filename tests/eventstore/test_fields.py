"""The bounds of fields: one normal form, or a message for the sender."""

from decimal import Decimal
from typing import Any

import pytest

from eventstore.fields import ExactDecimal, Text

MONEY = ExactDecimal(places=2, below=10**15)
NAME = Text(minimum=1, maximum=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.34", "12.34"),
        ("12.3", "12.30"),
        ("12", "12.00"),
        ("0.01", "0.01"),
        ("007", "7.00"),
        ("1.000", "1.00"),
        ("999999999999999.99", "999999999999999.99"),
        (5, "5.00"),
        (10**15 - 1, "999999999999999.00"),
        (Decimal("5"), "5.00"),
        (Decimal("1E+2"), "100.00"),
    ],
)
def test_an_exact_amount_gets_its_normal_form(value: Any, expected: str) -> None:
    assert str(MONEY.clean(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "NaN", "sNaN", "Infinity", "inf", "-Infinity", "1e400", "1E2", "1e-2", "0x10", "1_000",
        "1,000", "1.", ".5", "+1", " 1", "1 ", "1\n", "", "-", "1.2.3", "--1", "1" * 41,
        "1." + "0" * 41, "\uff11\uff12", "\u0661", "1\u0660", "\u00b2", "\u00bd",
    ],
)  # fmt: skip
def test_text_that_is_not_plain_digits_is_no_amount(value: str) -> None:
    with pytest.raises(ValueError, match=r'such as "12\.34", or an integer'):
        MONEY.clean(value)


@pytest.mark.parametrize("value", [1.0, 0.1, float("nan"), True, False, None, [], {}, b"1", 1j])
def test_what_is_no_exact_number_is_no_amount(value: Any) -> None:
    with pytest.raises(ValueError, match=r'such as "12\.34", or an integer'):
        MONEY.clean(value)


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 10**15, 10**4000, -(10**4000), "0", "0.00", "-0.01", "-1", "1000000000000000",
        "9" * 40, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity"),
        Decimal("1E+400"), Decimal("1E+999999"), Decimal("-0"), Decimal(10**15),
    ],
)  # fmt: skip
def test_an_amount_out_of_bounds_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be more than 0 and less than 1000000000000000"):
        MONEY.clean(value)


@pytest.mark.parametrize(
    "value",
    ["0.001", "1.999", "1.005", "0." + "0" * 39 + "1", "999999999999999.999",
     Decimal("0.001"), Decimal("1E-30"), Decimal("1E-999999"), Decimal("5." + "1" * 39)],
)  # fmt: skip
def test_an_amount_with_three_decimals_is_refused_and_not_rounded(value: Any) -> None:
    with pytest.raises(ValueError, match="at most 2 digits after the point"):
        MONEY.clean(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), ("abcde", "abcde"), ("  abcde\n", "abcde"), ("a b", "a b"),
     ("O'W\u00f6", "O'W\u00f6"), ("\U0001f600" * 5, "\U0001f600" * 5), ("<b>", "<b>"),
     ("\u00a0a\u3000", "a"), ("e\u0301", "e\u0301")],
)  # fmt: skip
def test_text_is_trimmed_and_else_left_alone(value: str, expected: str) -> None:
    assert NAME.clean(value) == expected


@pytest.mark.parametrize("value", ["", "   ", "\n\t\u3000", "abcdef", "\U0001f600" * 6])
def test_text_of_a_wrong_length_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must have 1 to 5 characters"):
        NAME.clean(value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "a\udfff"])
def test_text_that_the_database_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="NUL or a lone surrogate"):
        NAME.clean(value)


@pytest.mark.parametrize("value", [None, 1, True, b"a", ["a"], {}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be text"):
        NAME.clean(value)


def test_text_may_be_allowed_to_be_empty() -> None:
    assert Text(minimum=0, maximum=3).clean("  ") == ""
