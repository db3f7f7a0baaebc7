"""What all pages of the event store share: they only read, and lists go by key.

They stand in Django's admin site, for its login, index and look, but its change lists and forms
are not used: those count rows, page by OFFSET, and are made for editing.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from eventstore.admin.access import of_visible_tenants, visible_tenants
from eventstore.admin.filters import ListFilters
from eventstore.admin.paging import Page, keyset_page
from eventstore.application import get_application
from eventstore.tenancy import INSPECTORS, Role

#: No script, style or image but our own, and nothing inline: a second wall behind the escaping.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's takes none at run time
    """A list of rows, newest first. Subclasses say from where, filtered how, shown how."""

    list_template: str
    filters: type[ListFilters] = ListFilters
    order = "-pk"
    #: The rows of the tenants in which the user has one of these.
    roles: frozenset[Role] = INSPECTORS

    def get_urls(self) -> list[URLPattern]:
        """Only these: no URL to add, change, delete or act on a row exists."""
        return [path("", self._reading(self.list_page), name=self._url_name("changelist"))]

    def details_url(self, view: Any) -> URLPattern:
        """The URL of a row's own page, for subclasses whose rows have one."""
        url: URLPattern = path("<int:pk>/", self._reading(view), name=self._url_name("change"))
        return url

    def rows(self) -> QuerySet[Any]:
        """All rows of the list, before access and filters."""
        rows: QuerySet[Any] = self.model._default_manager.using(get_application().database.alias)
        return rows

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        """What the template gets for the rows of one page."""
        return rows

    def list_page(self, request: HttpRequest) -> HttpResponse:
        filters = self.filters(request.GET, visible_tenants(request.user, self.roles))
        page: Page[Any] = Page(rows=[])
        if filters.is_valid():
            rows = filters.narrow(self.visible_rows(request))
            page = keyset_page(rows, self.order, filters.cursor())
        title = str(self.opts.verbose_name_plural)
        context = {
            "title": title[0].upper() + title[1:],
            "filters": filters,
            "is_filtered": bool(request.GET),
            "page": page,
            "rows": self.shown(page.rows),
        }
        return self.render(request, self.list_template, context)

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        return of_visible_tenants(self.rows(), request.user, self.roles)

    def one_row(self, request: HttpRequest, pk: int) -> Any:
        """The row of this key, or 404: the same for none and for another tenant's."""
        row = self.visible_rows(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        site = self.admin_site.each_context(request)
        # Wide tables need the room; the header has links to all pages of the event store.
        site["is_nav_sidebar_enabled"] = False
        full_context = {**site, "opts": self.opts, **context}
        response = TemplateResponse(request, f"admin/eventstore/{template}", full_context)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    # Any of the staff may open the pages; `access` decides which rows they find there.

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _reading(self, view: Any) -> Any:
        """`view` for the staff, and for GET and HEAD alone."""
        return self.admin_site.admin_view(require_safe(view))

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
