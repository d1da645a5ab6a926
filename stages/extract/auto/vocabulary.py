"""Which words, in the text and in class names, speak for content: log-odds learned over many sites."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from stages.extract.auto.blocks import Words, measure
from stages.extract.auto.classes import tokens
from stages.extract.auto.labels import MarkedPage

Shares = dict[int, float]
"""Hash of a word -> how much of what it stands for is content, on one page."""

NOTHING = Words(np.zeros(1, np.int64), np.zeros(1, np.float32))
"""The table of no words."""
SHORT = 25
"""Words tell something in blocks of up to this many; in longer ones they are just language."""


def hash_word(word: str) -> int:
    """What the kernels make of a word."""
    value = 0
    for char in word:
        value = (value * 1_000_003 + ord(char) + 1) & 0x7FFF_FFFF_FFFF
    return value


def shares(page: MarkedPage) -> tuple[Shares, Shares]:
    """(of words in short blocks, of words in the classes of the elements around the blocks)."""
    known = ~np.isnan(page.labels)
    weights = known * np.array([len(words) + 1.0 for words in page.words])
    content = np.concatenate([[0.0], np.cumsum(np.where(known, page.labels, 0.0) * weights)])
    total = np.concatenate([[0.0], np.cumsum(weights)])
    of_words: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    of_classes: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    keys, owners = tokens(page.tree)
    spans = measure(page.tree, NOTHING).spans[owners]
    for key, (start, stop) in zip(keys.tolist(), spans.tolist(), strict=True):
        if stop > start and total[stop] > total[start]:
            of_classes[key][0] += content[stop] - content[start]
            of_classes[key][1] += total[stop] - total[start]
    for words, label in zip(page.words, page.labels, strict=True):
        if not math.isnan(label) and 0 < len(words) <= SHORT:
            for word in set(words):
                of_words[hash_word(word)][0] += label
                of_words[hash_word(word)][1] += 1
    return _divided(of_words), _divided(of_classes)


def _divided(sums: Mapping[int, list[float]]) -> Shares:
    return {key: part / total for key, (part, total) in sums.items()}


def learn(pages: Iterable[tuple[str, Shares]], min_domains: int) -> Words:
    """Log-odds of content for each word seen on `min_domains` domains, of which each counts once."""
    seen: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for domain, by_word in pages:
        for key, share in by_word.items():
            seen[key][domain].append(share)
    counts = {
        key: (sum(sum(v) / len(v) for v in domains.values()), len(domains))
        for key, domains in seen.items()
        if len(domains) >= min_domains and key
    }
    prior = sum(share for share, _ in counts.values()) / max(1, sum(n for _, n in counts.values()))
    if not 0 < prior < 1:
        return NOTHING
    base = math.log(prior / (1 - prior))
    odds = {key: (share + 2 * prior) / (n - share + 2 * (1 - prior)) for key, (share, n) in counts.items()}
    return table({key: math.log(value) - base for key, value in odds.items()})


def table(scores: Mapping[int, float]) -> Words:
    """Scores by hash as an open hash table a third full, equal for equal scores."""
    size = 1 << (3 * len(scores)).bit_length()
    words = Words(np.zeros(size, np.int64), np.zeros(size, np.float32))
    for key, score in sorted(scores.items()):
        slot = key & (size - 1)
        while words.keys[slot]:
            slot = (slot + 1) & (size - 1)
        words.keys[slot], words.scores[slot] = key, round(score, 3)
    return words
