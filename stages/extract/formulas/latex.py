"""LaTeX as pages carry it in scripts, attributes and images, made text."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

LIKE_LATEX = re.compile(r"\\(?:[a-zA-Z]{2,}|[,;!{}|])|[\^_]|^[a-zA-Z]$|=")
COMMAND = re.compile(r"\\[a-zA-Z]{2}")
_PATH = re.compile(r"(?:\b[a-zA-Z]:|\\)\\\w")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*(?:\n|\Z)")
_STYLE = re.compile(r"\\(?:display|text|script)style(?![a-zA-Z])")
_NOTHING = re.compile(r"(?:\s|\\[,;:!> ]|\\q?quad|[~$]|\{\})*+")
_IMAGE_CLASS = re.compile(
    r"(?<![\w-])(?:la)?tex(?![\w-])|mwe-math|wp-latex|(?<![\w-])(math|equation|formula)", re.IGNORECASE
)
_IMAGE_SOURCE = re.compile(
    r"(?:latex\.php\?(?:[^\s#]*?&)?latex=|latex\.codecogs\.com/[\w.]*(?:latex)?\?|/(?:mime|math)tex\.cgi\?)"
    r"([^\s#]*)",
    re.IGNORECASE,
)
_SPHINX_IMAGE = re.compile(r"/math/[0-9a-f]{40}\.")
_LOOKS = re.compile(r"\\(?:dpi\{\d*\}|(?:inline|small|large|bg_\w+|fn_\w+)(?![a-zA-Z]))\s*")
_DELIMITERS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))


def written(latex: str, display: bool = False) -> str:
    """The formula as text in markup; without delimiters, comments and style of its own."""
    latex = latex.strip()
    for left, right, is_display in _DELIMITERS:
        if latex.startswith(left) and latex.endswith(right) and len(latex) >= len(left + right):
            latex, display = latex[len(left) : len(latex) - len(right)], display or is_display
            break
    latex = _STYLE.sub("", _COMMENT.sub("\n", latex)).strip().rstrip("\\ ")
    if latex.startswith("{") and latex.endswith("}") and _is_one_group(latex):
        latex = latex[1:-1].strip()
    if _NOTHING.fullmatch(latex):
        return " "
    latex = html.escape(" ".join(latex.split()), quote=False)
    return f"<br><span>$${latex}$$</span><br>" if display else f"<span>${latex}$</span>"


def _is_one_group(latex: str) -> bool:
    """Whether the first brace is closed by the last."""
    depth = 0
    for match in re.finditer(r"\\.|[{}]", latex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth and match.end() < len(latex):
            return False
    return True


def of_image(attributes: Mapping[str, str]) -> str | None:
    """The LaTeX of an image, or None if it shows something else."""
    words = (attributes.get("alt") or attributes.get("title") or "").strip()
    source = _IMAGE_SOURCE.search(attributes.get("src", ""))
    if source:
        # Codecogs writes spaces as `&space;`, which is no entity; parameters for the looks follow after `&`.
        query = unquote_plus(source[1].replace("&space;", "+").split("&")[0])
        return words or _LOOKS.sub("", query)
    known = _IMAGE_CLASS.search(attributes.get("class", ""))
    is_rendered = _SPHINX_IMAGE.search(attributes.get("src", ""))
    if known and (not known[1] or is_rendered or LIKE_LATEX.search(words)):
        return words or None
    if attributes.get("data-tex") or attributes.get("data-latex"):
        return attributes.get("data-tex") or attributes.get("data-latex")
    return words if COMMAND.search(words) and not _PATH.search(words) else None
