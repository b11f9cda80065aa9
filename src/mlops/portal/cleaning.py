"""The cleaning of HTML for reports."""

# A report must not run scripts, or load anything from the network.

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import nh3

from mlops.portal.tables import align_tables

FORMULA_TAGS = set(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd "
    "mstyle mpadded menclose".split()
)
ALLOWED_TAGS = nh3.ALLOWED_TAGS | FORMULA_TAGS | {"figure", "figcaption", "section"}
ALLOWED_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "id", "title", "scope", "lang", "display", "stretchy", "mathvariant", "columnalign"},
    "img": {"src", "alt", "width", "height"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
}
ALLOWED_SCHEMES = {"http", "https", "data", "mailto"}
ADDRESS = re.compile("href|src", re.IGNORECASE)  # the attributes that the filter below checks
IMAGE_WITHOUT_TEXT = re.compile("<img(?![^>]* alt=)")
ALTERNATIVE_TEXT = "No description has been provided for this image"  # as in nbconvert


def clean_html(html: str) -> str:
    """Return HTML without scripts, styles and external resources."""
    html = align_tables(html)
    cleaned = _clean_addresses(html) if ADDRESS.search(html) else _clean(html)
    return IMAGE_WITHOUT_TEXT.sub(f'<img alt="{ALTERNATIVE_TEXT}"', cleaned)


def _clean_addresses(html: str) -> str:
    # nh3 swallows exceptions that its filter raises. Python raises Ctrl-C only in the main thread, so the filter runs
    # in another thread.
    errors: list[Exception] = []

    def keep(tag: str, name: str, value: str) -> str | None:
        try:
            return _clean_attribute(tag, name, value)
        except Exception as error:  # noqa: BLE001, raised again after the call
            errors.append(error)
            return None

    with ThreadPoolExecutor(1) as pool:
        cleaned = pool.submit(_clean, html, keep).result()
    if errors:
        raise errors[0]
    return cleaned


def _clean(html: str, keep: Callable[[str, str, str], str | None] | None = None) -> str:
    return nh3.clean(
        html, tags=ALLOWED_TAGS, attributes=ALLOWED_ATTRIBUTES, attribute_filter=keep, url_schemes=ALLOWED_SCHEMES
    )


def _clean_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if value.lower().startswith("data:image/") else None
    if name == "href":
        return None if value.strip().lower().startswith("data:") else value
    return value
