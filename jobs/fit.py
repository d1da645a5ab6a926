"""`pipeline fit`: runs a recipe whose last section is `fit:`, and leaves a model."""

from __future__ import annotations

from classifiers.fit import Fit
from pipeline import config
from pipeline.cli import CORES, AsJson, EngineName, File, Output, Workers, carry_out
from pipeline.errors import PlanError
from pipeline.registry import names


def fit(
    file: File,
    engine: EngineName = "local",
    workers: Workers = CORES,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Fit a model, a tokenizer or limits to the documents that a recipe makes, or resume it.

    The recipe's section fit: says what. The files and their card then lie in OUTPUT/model.
    """
    recipe = config.read(str(file), output)
    if not any(isinstance(section, Fit) for section in recipe.sections):
        raise PlanError(f"{file} has no section fit: with use: one of {', '.join(names('fits'))}")
    carry_out(recipe, engine, workers, as_json)


fit.__doc__ = f"{fit.__doc__}\n    use: is one of {', '.join(names('fits'))}."
