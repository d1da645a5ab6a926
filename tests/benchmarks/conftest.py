"""Benchmarks are scripts that import each other by bare name, as Python does with the folder of a script."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
