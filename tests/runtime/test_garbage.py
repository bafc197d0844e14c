"""The collector is off while a process starts, and on from then on."""

import subprocess
import sys

CODE = """
import gc
from tallygate.runtime import garbage
garbage.pause()
assert not gc.isenabled()
garbage.settle()
assert gc.isenabled() and gc.get_freeze_count() > 0
"""


def test_paused_and_settled() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=60)
