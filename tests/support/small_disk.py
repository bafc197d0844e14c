"""A disk that is soon full, for tests of what happens then."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def mount(place: Path, size_kib: int) -> str:
    """Mount a disk of that size there; return why it can't be, or nothing."""
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def unmount(place: Path) -> None:
    """Take it away, also if somebody still has a file open there."""
    subprocess.run(["umount", "-l", str(place)], check=False)


@contextmanager
def small_disk(place: Path, size_kib: int) -> Iterator[Path]:
    """The disk, for as long as the block lasts."""
    if reason := mount(place, size_kib):
        pytest.skip(f"{reason}: what happens when the disk is full is NOT tested")
    try:
        yield place
    finally:
        unmount(place)


@contextmanager
def filled(place: Path) -> Iterator[int]:
    """Nothing more goes onto the disk while the block lasts; the bytes that were taken."""
    ballast = place / "ballast"
    try:
        yield _fill(ballast)
    finally:
        ballast.unlink()


def _fill(ballast: Path) -> int:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return file.tell()
