"""The engine `auto` as one function: a page's bytes in, its main content out."""

from __future__ import annotations

import numpy as np

from stages.extract.auto.choice import chosen
from stages.extract.auto.model import BlockModel, shipped
from stages.extract.auto.render import render
from stages.extract.auto.tree import parse

MAX_WORK = 10_000_000
"""Steps from all elements and blocks of a page up to its root; a page of more is refused, on any machine."""


def main_content(html: bytes, *, markdown: bool = False, model: BlockModel | None = None) -> str:
    """The main content of a page in UTF-8; '' if it has none, or would take too much work."""
    tree = parse(html)
    depths = tree.elements["depth"]
    if depths.sum(dtype=np.int64) + depths[tree.runs["element"]].sum(dtype=np.int64) > MAX_WORK:
        return ""
    blocks, probabilities = (model or shipped()).classify(tree)
    return render(tree, blocks, chosen(tree, blocks, probabilities), markdown=markdown)
