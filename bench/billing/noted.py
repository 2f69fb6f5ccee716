"""Put what `make bench-billing`, `make bench-gates` or `make chaos` printed into docs/measured.md.

`python bench/billing/noted.py FILE`: a section a script takes the place of its older one under the heading of
its folder; the words before the sections, other sections, and other headings stay. Figures come from scripts
alone: nobody types them.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTE = ROOT / "docs" / "measured.md"
HEADINGS = {"bench/billing": "# Money beside plain SQL", "bench/gates": "# Gates: cut, restored, killed"}
SCRIPT = re.compile(r"^== (bench/\w+/\S+\.py)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^## .*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


def section(script: Path, body: str) -> str:
    """Return the Markdown of what a script printed: under its first line its tables as they are."""
    words = (ast.get_docstring(ast.parse(script.read_text())) or "").splitlines()[0].rstrip(".")
    lines = [line.rstrip() for line in body.splitlines() if not line.startswith("make")]
    table = "\n".join(lines).strip("\n")
    if not any(line.startswith("| ") for line in lines):
        table = f"```text\n{table}\n```"
    return f"## {words} (`{script.name}`)\n\n{table}\n"


def noted(page: str, printed: str) -> str:
    """Return the page with the sections of these scripts replaced, or added; all others stay."""
    for name, body in SCRIPT.findall(printed):
        heading = HEADINGS.get(str(Path(name).parent))
        if heading is not None:
            page = _put(page, heading, Path(name).name, section(ROOT / name, body))
    return page


def _put(page: str, heading: str, script: str, made: str) -> str:
    before, found, rest = page.partition(f"{heading}\n")
    if not found:
        before, rest = f"{page.rstrip()}\n\n", ""
    ends = re.search(r"^# ", rest, re.MULTILINE)
    part, after = (rest[: ends.start()], rest[ends.start() :]) if ends else (rest, "")
    introduction = SECTION.split(part, maxsplit=1)[0].strip("\n")
    kept = {_script_of(one): one.strip("\n") for one in SECTION.findall(part)}
    kept[script] = made.strip("\n")
    whole = "\n\n".join(one for one in (heading, introduction, *(kept[key] for key in sorted(kept))) if one)
    return f"{before}{whole}\n" + (f"\n{after}" if after else "")


def _script_of(section: str) -> str:
    """Return the name of the script that made a section, as its heading ends."""
    found = re.search(r"\(`([^`]+)`\)", section.splitlines()[0])
    return Path(found[1]).name if found else section.splitlines()[0]


def main(path: str) -> int:
    printed = Path(path).read_text()
    page = NOTE.read_text()
    if not any(str(Path(name).parent) in HEADINGS for name, _ in SCRIPT.findall(printed)):
        print(f"{path} holds nothing that make bench-billing, bench-gates or chaos prints")
        return 1
    NOTE.write_text(noted(page, printed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else "Say which file holds the output")
