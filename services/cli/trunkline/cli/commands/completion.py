"""`trunkline completion`: scripts for shells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cyclopts import App

from trunkline.cli.output import console, errors

Shell = Literal["bash", "zsh", "fish"]


def completion_of(whole: Callable[[], App]) -> Callable[..., None]:
    """The command, for the application that it completes."""

    def completion(shell: Shell, *, install: Path | None = None) -> None:
        """Prints the script that completes commands, options and names (of domains, ACLs, points of presence, carriers …) in a shell. Names
        are asked of the service when they are needed.

        Parameters
        ----------
        shell: bash, zsh or fish: `source <(trunkline completion bash)` tries it.
        install: Write it to this file instead, such as ~/.local/share/bash-completion/completions/trunkline.
        """
        script = whole().generate_completion(prog_name="trunkline", shell=shell)
        if install is None:
            console.out(script, highlight=False)
            return
        path = install.expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        errors.print(f"wrote {path}; it works in the next {shell}", markup=False)

    return completion
