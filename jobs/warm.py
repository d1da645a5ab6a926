"""`pipeline warm`: what the first run after an installation would compile, compiled beforehand."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from jobs.sample.write import Document, warc
from pipeline.cli import console
from pipeline.errors import PipelineError

PAGES = "pages.warc.gz"
TEXTS = (
    "The river rose in the night, and those who lived below the mill carried what they had up the hill.",
    "In the morning the water stood still; nobody spoke, although all of them had seen it: 1,234.5 inches.",
    "河水在夜里上涨，住在磨坊下面的人把他们的东西搬上了山。早晨水静止了，没有人说话。",
    "แม่น้ำขึ้นในเวลากลางคืน Ночью река поднялась, و ارتفع النهر في الليل.",
)
"""Short, and of several scripts: which kernels are needed does not depend on more."""


def warm() -> None:
    """Compile the kernels of all stages, which the first run after an installation would do.

    They are kept beside the code, or in the user's cache. Half a minute, and nothing the second time.
    """
    from pipeline.progress import watch
    from pipeline.registry import stages

    with tempfile.TemporaryDirectory() as folder, watch("auto", console()) as progress:
        write_pages(Path(folder) / PAGES)
        for done, name in enumerate(names := list(stages())):
            progress("stages", done, len(names))
            run_stage(name, Path(folder))
        progress("stages", len(names), len(names))


def write_pages(path: Path) -> None:
    pages = [f"<html><body><h1>{i}</h1><p>{text * i}</p></body></html>" for i in (1, 3) for text in TEXTS]
    documents = [
        Document(name=str(i), url=f"https://example.org/{i}", body=page.encode(), content_type="text/html")
        for i, page in enumerate(pages)
    ]
    path.write_bytes(warc(path.name, documents))


def run_stage(name: str, folder: Path) -> None:
    """Run a stage on the text of the pages, with its example for settings."""
    import yaml

    from pipeline.config import read
    from pipeline.inline import InlineEngine
    from pipeline.registry import find
    from pipeline.run import Runner

    settings = json.loads(json.dumps(dict(find("stages", name).example)))
    source = {"use": "warc", "with": {"paths": str(folder / PAGES)}}
    extract = [] if name == "extract_html" else [{"use": "extract_html"}]
    steps = [*extract, {"use": name, "with": settings}]
    recipe = {"name": "warm", "source": source, "steps": steps, "output": str(folder / name)}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(recipe))
    # Some need what other stages make, a file of the user's, or keep nothing: none of that has kernels.
    with contextlib.suppress(PipelineError):
        Runner(read(str(file)), InlineEngine(1, {}), lambda *_: None).run()
