"""What can be asked of a user's registration, and when two login names are the same."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Annotated, Any

from eventstore.commands import Command
from eventstore.fields import INKLESS, Secret, Text

_INKLESS = re.compile(f"[{INKLESS}]")
_TYPED = Text(minimum=1, maximum=150, example="alice.cooper")

# What JSON Schema cannot count is how long a name gets in its normal form. Printable ASCII keeps
# its length; beyond these two blocks of abbreviations no character becomes more than four, and
# none at all becomes more than eighteen.
_SAME_LENGTH = "^[ -~]*$"
_UP_TO_FOUR = "^[^\u3200-\u33ff\ufdf0-\ufdff]*$"


def normal_form(login_name: str) -> str:
    """What is compared: NFKC, case folded, trimmed. `\uff21lice ` is `alice`.

    Unicode promises that it stays the same for every character that has been assigned, so a name
    that is taken stays taken under a newer Python.
    """
    folded = unicodedata.normalize("NFKC", login_name.strip()).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


@dataclass(frozen=True, slots=True)
class Login:
    """A name to log in with: 1 to 150 characters, as typed and in its normal form.

    Nothing invisible: two names that look the same would be two (RFC 8264, section 9.13, keeps
    such characters out of identifiers, too).
    """

    def clean(self, value: Any) -> str:
        text = _TYPED.clean(value)
        if _INKLESS.search(text):
            raise ValueError("must not contain invisible characters, such as zero-width spaces")
        if len(normal_form(text)) > _TYPED.maximum:
            raise ValueError(
                f"must have 1 to {_TYPED.maximum} characters when written in plain letters"
            )
        return text

    def schema(self) -> dict[str, Any]:
        """It takes less than `clean` where a long name is not in ASCII, and never more."""
        fitting = [
            {"pattern": _SAME_LENGTH},
            {"pattern": _UP_TO_FOUR, "maxLength": _TYPED.maximum // 4},
            {"maxLength": _TYPED.maximum // 18},
        ]
        return {**_TYPED.schema(), "anyOf": fitting, "not": {"pattern": f"[{INKLESS}]"}}


LoginName = Annotated[str, Login()]
Password = Annotated[str, Secret(minimum=8, maximum=128)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUserRegistration(Command):
    """Ask for a user with this login name.

    Whether the name is free is decided right afterwards: the user's `status` says how it ended.
    Names that differ only in case, in spaces around them or in Unicode form are the same. A
    registration that failed holds no name; a user in cold storage keeps theirs.

    The password is stored nowhere but in its hash, so the same command id with another password
    is the same command: the first one holds.
    """

    login_name: LoginName
    password: Password = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteUserRegistration(Command):
    """Reserve the login name, or end the registration where another user has it."""
