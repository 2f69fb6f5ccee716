"""`python -m webapp.translations`: bring the catalogues up to date with the sources; say what is missing."""

import sys

from webapp.translations import catalogue


def main() -> int:
    """Update all catalogues; 1 when something is left to translate."""
    found, left = catalogue.of_sources(), 0
    for code in catalogue.codes():
        catalogue.update(code, found)
        faults = catalogue.faults(code, found)
        left += len(faults)
        print(f"{code}: {len(found)} texts, {len(faults)} to do")
        for fault in faults:
            print(f"  {fault}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
