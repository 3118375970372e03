"""Hold the coverage floors over coverage.py's JSON report; `make check` runs it after pytest.

The whole must reach 85 %. The modules that decide, store and translate must reach 95 %, by
statements and branches together and by branches alone.
"""

import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

TOTAL_FLOOR = 85.0
STRICT_FLOOR = 95.0
STRICT = ("schemas/lifecycle.py", "ticket_store/desk.py", "connectors/*/translate.py")


def branch_percent(summary: dict[str, Any]) -> float:
    """Return the share of branches taken, in percent; a file without branches has them all."""
    branches: int = summary["num_branches"]
    return 100.0 if branches == 0 else 100.0 * summary["covered_branches"] / branches


def shortfalls(report: dict[str, Any]) -> list[str]:
    """Return one sentence for each floor that `report` misses; empty when all are held.

    A strict pattern that matches no measured file is a shortfall: a rename must not lift a floor.
    """
    found = []
    total: float = report["totals"]["percent_covered"]
    if total < TOTAL_FLOOR:
        found.append(f"total coverage is {total:.1f} %, the floor is {TOTAL_FLOOR:.0f} %")
    files = {Path(name).as_posix(): entry["summary"] for name, entry in report["files"].items()}
    for pattern in STRICT:
        matching = sorted(name for name in files if fnmatch(name, pattern))
        if not matching:
            found.append(f"{pattern} matches no measured file")
        for name in matching:
            for what, percent in (
                ("coverage", files[name]["percent_covered"]),
                ("branch coverage", branch_percent(files[name])),
            ):
                if percent < STRICT_FLOOR:
                    floor = f"the floor is {STRICT_FLOOR:.0f} %"
                    found.append(f"{name}: {what} is {percent:.1f} %, {floor}")
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m deploy.coverage_floor coverage.json", file=sys.stderr)
        return 2
    report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    missed = shortfalls(report)
    for sentence in missed:
        print(f"coverage floor: {sentence}", file=sys.stderr)
    if not missed:
        print(f"Coverage floors held; total {report['totals']['percent_covered']:.1f} %")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
