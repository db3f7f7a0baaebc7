"""What lies in django-q2's queue."""

from django_q.models import OrmQ, Task


def waiting() -> list[str]:
    """The functions that workers are to call."""
    assert not Task.objects.exists()
    return sorted(queued.func() for queued in OrmQ.objects.all())
