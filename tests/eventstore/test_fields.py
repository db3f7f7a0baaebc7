"""The bounds of fields: one normal form, or a message for the sender."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

import pytest

from eventstore import fields
from eventstore.fields import ExactDecimal, Text

MONEY = ExactDecimal(places=2, below=10**15)
NAME = Text(minimum=1, maximum=5)
NOTE = Text(minimum=0, maximum=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.34", "12.34"),
        ("12.3", "12.30"),
        ("12", "12.00"),
        ("0.01", "0.01"),
        ("007", "7.00"),
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
    ["0.001", "1.999", "1.000", "1.005", "0." + "0" * 39 + "1", "999999999999999.999",
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


@pytest.mark.parametrize("value", ["\ud800", "a\udfff"])
def test_a_lone_surrogate_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must not contain a lone surrogate"):
        NAME.clean(value)


@pytest.mark.parametrize("bound", [NAME, NOTE])
@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f"])
def test_a_control_character_is_refused(bound: Text, control: str) -> None:
    with pytest.raises(ValueError, match="must not contain control characters"):
        bound.clean(f"a{control}b")


@pytest.mark.parametrize(
    "value",
    [
        "\u200b", "\u200d\u200d", "\ufeff", "\xad", "\u2060 \u200b", "\u202e", "\u3164", "\u115f",
        "\u2800", "\ufe0f", "\ufff9", "\U000e0041", "\U0001d173", "\u061c",
    ],
)  # fmt: skip
def test_text_without_any_visible_character_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must contain a visible character"):
        NAME.clean(value)
    assert NOTE.clean(value) == value, "what may be empty may also look empty"


@pytest.mark.parametrize(
    "value", ["\u200ba", "a\xadb", "\u0600", "\u0301", "\U0001f468\u200d\U0001f469"]
)
def test_invisible_characters_beside_a_visible_one_are_left_alone(value: str) -> None:
    """Several scripts and emoji need them."""
    assert NAME.clean(value) == value


@pytest.mark.long
def test_the_sets_of_characters_are_what_they_say() -> None:
    characters = [chr(code) for code in range(0x110000)]
    blanks = re.compile(f"[{fields._BLANK}]")
    assert [c for c in characters if blanks.match(c)] == [c for c in characters if c.isspace()]
    controls = [c for c in characters if unicodedata.category(c) == "Cc"]
    assert [c for c in characters if fields._CONTROL_CHARACTER.match(c)] == controls


@pytest.mark.parametrize("value", [None, 1, True, b"a", ["a"], {}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be text"):
        NAME.clean(value)


def test_text_may_be_allowed_to_be_empty() -> None:
    assert Text(minimum=0, maximum=3).clean("  ") == ""
