"""Django's own pages for users and groups, with two holes closed.

Django asks whether an object exists before it asks whether the caller may look at its history, so
any of the staff could tell 403 from 302 and find out who exists. And it asks PostgreSQL for a NUL,
which is a fault there.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse


class Guarded(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's takes none at run time
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        sent = [*request.GET.lists(), *request.POST.lists()]
        if any("\0" in text for name, texts in sent for text in (name, *texts)):
            raise BadRequest("No text contains NUL.")
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class GuardedUserAdmin(Guarded, UserAdmin):  # type: ignore[type-arg]  # as above
    pass


class GuardedGroupAdmin(Guarded, GroupAdmin):
    pass


admin.site.unregister([User, Group])
admin.site.register(User, GuardedUserAdmin)
admin.site.register(Group, GuardedGroupAdmin)
