"""What all pages of the event store share: no row is edited, and lists go by key.

They stand in Django's admin site, for its login, index and look, but its change lists and forms
are not used: those count rows, page by OFFSET, and are made for editing. What may be done has a
page of its own, which says what will follow and asks for a reason before anything happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_safe

from eventstore.admin.access import of_visible_tenants, visible_tenants
from eventstore.admin.filters import ListFilters
from eventstore.admin.paging import Cursor, Key, Page, keyset_page
from eventstore.application import get_application
from eventstore.errors import Forbidden
from eventstore.tenancy import INSPECTORS, Role

#: No script, style or image but our own, and nothing inline: a second wall behind the escaping.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link above a list, to a page where something can be done."""

    words: str
    url_name: str


class ListAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's takes none at run time
    """A list of rows, newest first. Subclasses say from where, filtered how, shown how."""

    list_template: str
    filters: type[ListFilters] = ListFilters
    order = "-pk"
    #: The rows of the tenants in which the user has one of these.
    roles: frozenset[Role] = INSPECTORS

    def get_urls(self) -> list[URLPattern]:
        """None of Django's own: no URL to add, change or delete a row exists."""
        return [self.reading_url("", self.list_page, "changelist")]

    def reading_url(self, route: str, view: Any, page: str) -> URLPattern:
        """A page for the staff that takes GET and HEAD alone."""
        guarded = self.admin_site.admin_view(require_safe(view))
        return self._url(route, guarded, page)

    def acting_url(self, route: str, view: Any, page: str) -> URLPattern:
        """A page for the staff whose form is sent to itself; Django checks its CSRF token."""
        guarded = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view))
        return self._url(route, guarded, page)

    def rows(self) -> QuerySet[Any]:
        """All rows of the list, before access and filters."""
        rows: QuerySet[Any] = self.model._default_manager.using(get_application().database.alias)
        return rows

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        """What the template gets for the rows of one page."""
        return rows

    def links(self, request: HttpRequest) -> list[PageLink]:
        """What the user may do from the list."""
        return []

    def list_page(self, request: HttpRequest) -> HttpResponse:
        tenants = visible_tenants(request.user, self.roles)
        filters = self.filters(request.GET, tenants)
        page: Page[Any] = Page(rows=[])
        if filters.is_valid():
            rows = filters.narrow(self.visible_rows(request))
            page = self.page_of(rows, request, filters.cursor())
        title = str(self.opts.verbose_name_plural)
        context = {
            "title": title[0].upper() + title[1:],
            "filters": filters,
            "is_filtered": bool(request.GET),
            "page": page,
            "rows": self.shown(page.rows),
            "links": self.links(request),
            # An empty list has two causes; who has no role here must not look for the other.
            "is_shut_out": not (page.rows or request.user.is_superuser or tenants.exists()),
        }
        return self.render(request, self.list_template, context)

    def page_of(self, rows: QuerySet[Any], request: HttpRequest, cursor: Cursor) -> Page[Any]:
        """One page of the rows that the filters have left."""
        return keyset_page(rows, self.order, cursor)

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        return of_visible_tenants(self.rows(), request.user, self.roles)

    def one_row(self, request: HttpRequest, pk: Key) -> Any:
        """The row of this key, or 404: the same for none and for another tenant's."""
        row = self.visible_rows(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def forbidden(self, request: HttpRequest, what: str) -> TemplateResponse:
        """The page for who may see something and may not do `what` with it."""
        context = {"title": "Not allowed", "sentence": str(Forbidden(what))}
        return self.render(request, "forbidden.html", context, status=403)

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        site = self.admin_site.each_context(request)
        # Wide tables need the room; the header has links to all pages of the event store.
        site["is_nav_sidebar_enabled"] = False
        full_context = {**site, "opts": self.opts, **context}
        template_name = f"admin/eventstore/{template}"
        response = TemplateResponse(request, template_name, full_context, status=status)
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

    def _url(self, route: str, view: Any, page: str) -> URLPattern:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{page}"
        url: URLPattern = path(route, view, name=name)
        return url


def posted(request: HttpRequest) -> QueryDict:
    """The form's texts; raises BadRequest (400) in another encoding than UTF-8.

    In some of Python's encodings a text can hold lone surrogates, which no answer could repeat;
    and where bytes are no UTF-8, Django puts U+FFFD in their place, which nobody has typed.
    """
    named = (request.content_params or {}).get("charset", "utf-8")
    if {named.lower(), (request.encoding or "utf-8").lower()} != {"utf-8"}:
        raise BadRequest("Forms are sent in UTF-8.")
    texts = (text for _, values in request.POST.lists() for text in values)
    if any("\ufffd" in text for text in texts):
        raise BadRequest("The form's bytes are no UTF-8.")
    return request.POST
