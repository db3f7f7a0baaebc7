"""Django's own pages for users and groups, without the one way to find out who exists.

Django asks whether an object exists before it asks whether the caller may look at its history, so
that any of the staff could tell 403 from 302.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse


class ReservedHistory(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's takes none at run time
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class ReservedUserAdmin(ReservedHistory, UserAdmin):  # type: ignore[type-arg]  # as above
    pass


class ReservedGroupAdmin(ReservedHistory, GroupAdmin):
    pass


admin.site.unregister([User, Group])
admin.site.register(User, ReservedUserAdmin)
admin.site.register(Group, ReservedGroupAdmin)
