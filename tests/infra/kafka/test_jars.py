"""Finding out whether a broker can be run."""

import pytest

from tallygate.infra.kafka.jars import java_major


@pytest.mark.parametrize(
    ("printed", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ("command not found", None),
    ],
)
def test_the_version_is_read_from_what_java_prints(printed: str, major: int | None) -> None:
    assert java_major(printed) == major
