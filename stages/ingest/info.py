"""What is known of a file before it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Info:
    """Size and stamp of a file, known before it is read."""

    size: int
    stamp: str
    """Etag, or when it was changed; '' if the store does not say."""
    ranged: bool = True
    """Whether the store sends ranges of it."""

    def differs(self, other: Info) -> bool:
        """Whether these cannot be of the same content."""
        return self.size != other.size or bool(self.stamp and other.stamp and self.stamp != other.stamp)
