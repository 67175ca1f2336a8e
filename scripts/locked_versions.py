"""Print the versions that uv.lock names as pip constraints, one `name==version` a line."""

import tomllib
from collections import defaultdict
from pathlib import Path

LOCK = Path(__file__).parent.parent / "uv.lock"


def constraints(lock: str) -> list[str]:
    """Return the constraints. Packages that have several versions, one for each platform, are left to pip."""
    versions: dict[str, set[str]] = defaultdict(set)
    for package in tomllib.loads(lock)["package"]:
        if "registry" in package["source"]:
            versions[package["name"]].add(package["version"])
    return sorted(f"{name}=={found.pop()}" for name, found in versions.items() if len(found) == 1)


if __name__ == "__main__":
    print("\n".join(constraints(LOCK.read_text(encoding="utf-8"))))
