"""The command line's program within this process."""

import pytest

from cnnbp import cli


def run(*arguments):
    """Run the program; its exit code."""
    with pytest.raises(SystemExit) as exit_:
        cli.main([*map(str, arguments)])
    return exit_.value.code or 0
