"""What several commands ask of their arguments. A wrong one ends with exit code 2."""

from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import QuerySet

from eventstore.application import get_application
from eventstore.input.values import read_date, read_time
from eventstore.models import Tenant


def tenants() -> QuerySet[Tenant]:
    return Tenant.objects.using(get_application().database.alias)


def users() -> QuerySet[AbstractUser]:
    every: QuerySet[AbstractUser] = get_user_model()._default_manager.using(
        get_application().database.alias
    )
    return every


def find_tenant(slug: str) -> Tenant:
    """The tenant, or CommandError with the known ones."""
    tenant = tenants().filter(slug=printable(slug)).first()
    if tenant is None:
        known = ", ".join(tenants().order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(
            f"There is no tenant {slug!r}. Known: {known or 'none yet'}. "
            f"`manage.py create_tenant {slug}` makes it.",
            returncode=2,
        )
    if not tenant.active:
        raise CommandError(f"Tenant {slug!r} is not active.", returncode=2)
    return tenant


def find_user(name: str) -> AbstractUser:
    """The user, or CommandError."""
    user: AbstractUser | None = users().filter(username=printable(name)).first()
    if user is None:
        raise CommandError(
            f"There is no user {name!r}. `manage.py add_member` makes one.", returncode=2
        )
    return user


def find_or_make_user(name: str) -> AbstractUser:
    """The user, made without a password where there is none; CommandError for no valid name."""
    found: AbstractUser | None = users().filter(username=printable(name)).first()
    if found is not None:
        return found
    user: AbstractUser = get_user_model()(username=name)
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        problems = "; ".join(message for texts in error.message_dict.values() for message in texts)
        raise CommandError(f"{name!r} cannot be a user's name: {problems}", returncode=2) from None
    user.save(using=users().db)
    return user


def read_expiry(text: str) -> datetime:
    """A moment from `2027-12-31T12:00Z`, or the end of a day from `2027-12-31`, in UTC."""
    try:
        return read_time(text if "T" in text else f"{read_date(text)}T23:59:59Z")
    except ValueError:
        raise CommandError(
            f"--expires {text!r} is neither a day such as 2027-12-31 nor a time with its offset "
            "such as 2027-12-31T12:00Z.",
            returncode=2,
        ) from None


def printable(text: str) -> str:
    """`text`, or CommandError where the shell passed bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CommandError(f"{text!r} is not UTF-8.", returncode=2) from None
    return text
