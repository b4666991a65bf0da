"""Small tags for the pages: icons, and the import map that lets hashed scripts find each other."""

import json

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Library
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Return one icon of `_partials/icons.html`, hidden from screen readers: the control has the name."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="#i-{}"/></svg>', extra, name)


@register.simple_tag(takes_context=True)
def import_map(context: dict[str, object]) -> SafeString:
    """Return an import map from each script's plain address to its hashed one; nothing where none is hashed.

    Scripts import each other by relative path. A browser resolves that to the plain address, which would be
    cached for a minute only and could belong to another release.
    """
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    scripts = [name for name in hashed if name.startswith("js/") and name.endswith(".js")]
    imports = {f"{settings.STATIC_URL}{name}": static(name) for name in scripts}
    if not imports:
        return mark_safe("")
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>',
        context.get("CSP_NONCE", ""),
        mark_safe(json.dumps({"imports": imports}).replace("<", "\\u003c")),  # noqa: S308 - our own file names
    )
