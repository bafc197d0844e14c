"""What every started process does first, and how it learns that it shall stop."""

import asyncio
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""`prctl`: the signal that this process gets when the thread that started it ends."""


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies, however that happens.

    KILL and not TERM: nobody is left to wait for it, and every process here is safe against it.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:  # it died before the call
        os.kill(os.getpid(), signal.SIGKILL)


class StopSignals:
    """Being asked to stop, as events of the running loop."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        """Somebody asked twice."""

    @classmethod
    def listening(cls) -> "StopSignals":
        """Set by SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal was closed)."""
        signals = cls()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, signals.ask)
        return signals

    def ask(self) -> None:
        """Ask to stop; asked again, to hurry."""
        (self.hurry if self.stop.is_set() else self.stop).set()
