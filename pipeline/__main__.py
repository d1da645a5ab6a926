"""The command `pipeline`, also as `python -m pipeline`: signals are heard before what is slow to import."""

import sys

from pipeline.boundary import guarded


def main() -> None:
    """Run the command line; ends the process."""
    sys.exit(guarded(_command))


def _command() -> None:
    from pipeline.cli import command

    command()


if __name__ == "__main__":
    main()
