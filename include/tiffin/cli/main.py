"""The `tiffin` command: puts the commands together and says every failure in one sentence."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from tiffin.cli import (
    demo_command,
    health_command,
    model_commands,
    release_commands,
    service_commands,
    stack_commands,
)
from tiffin.cli.exit_codes import REFUSED, exit_code_of_error
from tiffin.errors import TiffinError

app = typer.Typer(
    name="tiffin",
    help="Takes model versions from the MLflow registry to live traffic, and back again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for commands in (
    stack_commands,
    service_commands,
    model_commands,
    release_commands,
    health_command,
    demo_command,
):
    commands.register(app)


def main() -> None:
    """Run the command; exit with 0, or with the code of the error."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        _fail(f"{error.format_message().rstrip('.')}; see `{_asked(error)} --help`", REFUSED)
    except typer.Abort:
        _fail("interrupted", REFUSED)
    except TiffinError as error:
        _fail(str(error), exit_code_of_error(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        _fail(_sentence(error), REFUSED)
    sys.exit(code)


def _asked(error: TyperException) -> str:
    """Return the command whose help says more."""
    context = getattr(error, "ctx", None)
    return "tiffin" if context is None else str(context.command_path)


def _sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.filename}); free some space and try again [disk-full]"
    return (
        f"not allowed to use {error.filename} ({error.strerror}); make it yours, or set"
        " TIFFIN_HOME to a folder that is [folder-not-writable]"
    )


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"tiffin: {sentence}", file=sys.stderr)
    sys.exit(code)
