"""Which login names are the same, and which fit."""

import unicodedata
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.users.commands import Login, normal_form
from tests.eventstore.input.test_schemas import STEADY, TEXTS, is_taken

LOGIN = Login()
VALIDATOR = jsonschema_rs.validator_for(LOGIN.schema())

#: One character that becomes eighteen, and the name of that many.
LONGEST = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"

#: All that Unicode 14 gives a case or another form; behind come ideographs and private use.
CHARACTERS = [chr(number) for number in range(0x30000) if not 0xD800 <= number < 0xE000]
#: Those that become another or several.
CHANGED = [character for character in CHARACTERS if normal_form(character) != character]
COMBINING = [character for character in CHARACTERS if unicodedata.combining(character)]
LOGINS = st.lists(
    st.one_of(*map(st.sampled_from, (CHANGED, COMBINING, CHARACTERS, "aZ é女"))), max_size=12
).map("".join)


@pytest.mark.parametrize(
    "variant",
    [
        "Žofie Straße",
        "žofie strasse",
        "ŽOFIE STRASSE",
        "  Žofie Straße\t",
        "\u3000Žofie Straße\xa0",
        unicodedata.normalize("NFD", "Žofie Straße"),
        "\uff3aofie Stra\u017f\u017fe".replace("\uff3a", "\uff3a\u030c"),
        "Žo\ufb01e Straße",
        "Žofie\xa0Straße",
    ],
)
def test_case_spaces_around_and_unicode_form_make_no_difference(variant: str) -> None:
    assert normal_form(variant) == "žofie strasse"


@pytest.mark.parametrize("other", ["zofie strasse", "žofiestrasse", "žofie  strasse", "žofie"])
def test_accents_and_letters_make_a_difference(other: str) -> None:
    assert normal_form(other) != normal_form("Žofie Straße")


@pytest.mark.long
@STEADY
@given(LOGINS)
def test_a_normal_form_is_its_own_normal_form(login: str) -> None:
    """So whoever types the name as it is compared means the same user."""
    assert normal_form(normal_form(login)) == normal_form(login)
    assert unicodedata.is_normalized("NFKC", normal_form(login))


@pytest.mark.parametrize(
    ("login", "fits"),
    [
        ("", False),
        (" \t", False),
        ("\u200b", False),
        # What cannot be seen would make two names of what looks like one.
        ("vic\u00adtim", False),
        ("\u200bvictim", False),
        ("victim\u200d", False),
        ("vict\u2060im", False),
        ("a\u202eb", False),
        ("a", True),
        ("a" * 150, True),
        (f" {'a' * 150} ", True),
        ("a" * 151, False),
        ("ß" * 75, True),
        ("ß" * 75 + "a", False),
        (LONGEST * 8 + "abcdef", True),
        (LONGEST * 8 + "abcdefg", False),
        ("女" * 150, True),
        ("a\nb", False),
        ("a\ud800", False),
        (None, False),
        (5, False),
    ],
)
def test_a_name_has_1_to_150_characters_in_its_normal_form_too(login: Any, fits: bool) -> None:
    assert is_taken(LOGIN, login) == fits


def test_who_takes_too_long_a_name_is_told_why() -> None:
    with pytest.raises(ValueError, match="must have 1 to 150 characters when written in plain"):
        LOGIN.clean(LONGEST * 9)
    with pytest.raises(ValueError, match=r"must have 1 to 150 characters$"):
        LOGIN.clean("a" * 151)


def test_a_name_is_kept_as_it_was_typed_but_for_the_spaces_around_it() -> None:
    assert LOGIN.clean("  Žofie  STRASSE ") == "Žofie  STRASSE"


# The schema --------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", [LONGEST, "\u3316", "\ufdfb", "\u1f82", "ß", "女", "é", "a"])
def test_what_the_schema_takes_of_one_character_fits(character: str) -> None:
    fitting = [length for length in range(152) if VALIDATOR.is_valid(character * length)]

    assert fitting
    assert all(is_taken(LOGIN, character * length) for length in fitting)


@pytest.mark.long
@STEADY
@given(st.tuples(LOGINS, st.integers(1, 20)))
def test_what_the_schema_takes_fits(part: tuple[str, int]) -> None:
    login = part[0] * part[1]
    assert is_taken(LOGIN, login) or not VALIDATOR.is_valid(login)


@STEADY
@given(st.one_of(TEXTS, st.sampled_from([None, True, [], {}, 5])))
def test_the_schema_takes_short_names_as_they_are_taken(value: Any) -> None:
    declared = VALIDATOR.is_valid(value)
    if isinstance(value, str):
        declared = declared or VALIDATOR.is_valid(value.strip())
    assert declared == is_taken(LOGIN, value)


@pytest.mark.parametrize("length", [1, 149, 150, 151])
def test_the_schema_takes_plain_names_of_every_length(length: int) -> None:
    assert VALIDATOR.is_valid("a" * length) == is_taken(LOGIN, "a" * length) == (length <= 150)


def test_no_character_grows_more_than_the_schema_counts_on() -> None:
    """Decomposed, since what is composed alone may come apart beside its neighbours."""
    up_to_four, up_to_eighteen = (part["maxLength"] for part in LOGIN.schema()["anyOf"][1:])
    assert up_to_four * 4 <= 150 >= up_to_eighteen * 18
    for character in CHARACTERS:
        growth = len(unicodedata.normalize("NFKD", normal_form(character)))
        in_blocks = "\u3200" <= character <= "\u33ff" or "\ufdf0" <= character <= "\ufdff"
        assert growth <= (18 if in_blocks else 4), hex(ord(character))
