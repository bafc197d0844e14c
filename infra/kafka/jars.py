"""Kafka's jars: which Java runs them, where they are, and fetching them once with Maven."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIB = HERE / ".lib"
MIN_JAVA = 17
FETCH_TIMEOUT_S = 600
"""A cold Maven cache behind a slow mirror takes minutes; a warm one seconds."""


class BrokerUnavailableError(RuntimeError):
    """A broker can't be run here; the message says what is missing."""


def ensure() -> Path:
    """Return the folder with Kafka's jars, fetching them if they are not there or of another version.

    Raises:
        BrokerUnavailableError: no fitting Java, no Maven, or Maven failed.
    """
    _require_java()
    stamp = LIB / ".complete"
    wanted = hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()
    with _locked(HERE / ".lib.lock"):
        if not (stamp.is_file() and stamp.read_text() == wanted):
            shutil.rmtree(LIB, ignore_errors=True)
            _fetch()
            stamp.write_text(wanted)
    return LIB


def java_major(version_output: str) -> int | None:
    """The major version in the output of `java -version`; None if it can't be read."""
    match = re.search(r'version "(?:1\.)?(\d+)', version_output)
    return int(match.group(1)) if match else None


def _require_java() -> None:
    java = shutil.which("java")
    if java is None:
        raise BrokerUnavailableError(f"no java on the path (Kafka needs Java {MIN_JAVA})")
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    major = java_major(done.stderr + done.stdout)
    if major is None or major < MIN_JAVA:
        raise BrokerUnavailableError(f"Kafka needs Java {MIN_JAVA}, found {major or 'an unknown version'}")


def _fetch() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailableError("no mvn on the path to fetch Kafka's jars with")
    command = [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={LIB}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BrokerUnavailableError(f"mvn did not fetch Kafka's jars in {FETCH_TIMEOUT_S} s") from error
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[:3]
        raise BrokerUnavailableError("mvn could not fetch Kafka's jars: " + " ".join(last))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two test runs at once fetch only once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
