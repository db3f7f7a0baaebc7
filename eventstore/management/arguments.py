"""What several commands ask of their arguments. A wrong one ends with exit code 2."""

from django.core.management.base import CommandError

from eventstore.models import Tenant


def find_tenant(slug: str) -> Tenant:
    """The tenant, or CommandError with the known ones."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(Tenant.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(
            f"There is no tenant {slug!r}. Known: {known or 'none yet'}. "
            f"`manage.py create_tenant {slug}` makes it.",
            returncode=2,
        )
    if not tenant.active:
        raise CommandError(f"Tenant {slug!r} is not active.", returncode=2)
    return tenant
