"""Processes of the system under test: started, waited for, stopped or killed, by their own id only."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.wait import PATIENCE_S

START_UP = """
import logging, sys
logging.basicConfig(level="INFO", stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
from tallygate.runtime.config import load
from {module} import run
run(load())
"""


class Started:
    """A process and the file with what it printed."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                arguments,
                env={**_inherited(), **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End as if by a crash (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def stop(self, within_s: float = PATIENCE_S) -> int:
        """End in order (SIGTERM) and return the exit code; not to end in time is an error.

        Processes keep to a shorter time by themselves, and tell by their exit code if they could not.
        """
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {within_s} s:\n{self.tail()}") from None

    def pause(self) -> None:
        """Freeze it (SIGSTOP), as a long garbage collection or a migrated machine would."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._process.send_signal(signal.SIGCONT)

    def wait(self, within_s: float) -> int:
        """Wait until it ends by itself and return the exit code."""
        return self._process.wait(within_s)

    def tail(self, size: int = 4000) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-size:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()


def start_run(module: str, env: Mapping[str, str], log: Path) -> Started:
    """Start a process whose main is `run(settings)` of a module, configured by environment variables."""
    return Started([sys.executable, "-c", START_UP.format(module=module)], env, log)


def _inherited() -> dict[str, str]:
    """This process's environment without settings of the system."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLYGATE_")}
