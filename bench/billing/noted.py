"""Put what `make bench-billing` printed into docs/measured.md: `python bench/billing/noted.py FILE`.

A section a script takes the place of those that stand under the heading of money; the words before them, and
what the page says of the network, stay. Figures come from scripts alone: nobody types them.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTE = ROOT / "docs" / "measured.md"
BEGIN = "# Money beside plain SQL"
SCRIPT = re.compile(r"^== (bench/billing/\S+)\n(.*?)(?=^== |\Z)", re.DOTALL | re.MULTILINE)


def sections(printed: str) -> str:
    """Return the Markdown of what the scripts printed: under each one's first line its tables as they are."""
    found = []
    for name, body in SCRIPT.findall(printed):
        script = ROOT / name
        words = (ast.get_docstring(ast.parse(script.read_text())) or "").splitlines()[0].rstrip(".")
        lines = [line.rstrip() for line in body.splitlines() if not line.startswith("make")]
        table = "\n".join(lines).strip("\n")
        found.append(f"## {words} (`{script.name}`)\n\n```text\n{table}\n```\n")
    return "\n".join(found)


def noted(page: str, printed: str) -> str:
    """Return the page with the tables of money replaced; the words before them stay."""
    before, _, money = page.partition(f"{BEGIN}\n")
    introduction = money.partition("\n## ")[0].strip("\n")
    return f"{before.rstrip()}\n\n{BEGIN}\n\n{introduction}\n\n{sections(printed)}"


def main(path: str) -> int:
    printed = Path(path).read_text()
    made = sections(printed)
    if not made:
        print(f"{path} holds nothing that make bench-billing prints")
        return 1
    NOTE.write_text(noted(NOTE.read_text(), printed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else "Say which file holds the output")
