"""`make vendor`: takes the page's libraries from npm packages of pinned versions and hashes.

The files are checked in: neither building nor running needs Node or the network; only this command does.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vendor"
MANIFEST = FOLDER / "vendor.json"


def main() -> None:
    """Fetch every package of the manifest and write its files; fails on another hash than the manifest's."""
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        for name, package in manifest.items():
            archive = _packed(f"{name}@{package['version']}", Path(folder))
            _check(archive, package["integrity"])
            _extract(archive, package["files"], package.get("replace", {}))
    print(f"{len(manifest)} packages in {FOLDER}", file=sys.stderr)


def _packed(spec: str, folder: Path) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), spec]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return folder / result.stdout.strip().splitlines()[-1]


def _check(archive: Path, integrity: str) -> None:
    algorithm, _, expected = integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if found != expected:
        raise SystemExit(f"{archive.name}: {algorithm}-{found} is not the manifest's {integrity}")


def _extract(archive: Path, files: dict[str, str], replace: dict[str, str]) -> None:
    """Write the files; `replace` turns bare import names into paths, which browsers need."""
    with tarfile.open(archive) as packed:
        for source, target in files.items():
            member = packed.extractfile(f"package/{source}")
            if member is None:
                raise SystemExit(f"{archive.name} has no {source}")
            text = member.read().decode("utf-8")
            for old, new in replace.items():
                text = text.replace(old, new)
            (FOLDER / target).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
