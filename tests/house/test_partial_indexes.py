"""ON CONFLICT names a partial index by that index's own words: a parameter fails once a plan is kept.

PostgreSQL keeps one plan for any parameters after some executions on a connection; it then cannot know that
the parameter is what the index says, and the statement is refused.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("billing", "core", "desk", "registry", "tasks", "webapp")


def conditions() -> list[tuple[str, str]]:
    """Every index_where of the sources, with where it stands."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text()
            if "index_where" not in source:
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.keyword) and node.arg == "index_where":
                    found.append((f"{path.relative_to(ROOT)}:{node.value.lineno}", ast.unparse(node.value)))
    return found


def test_a_partial_index_is_named_without_a_parameter() -> None:
    found = conditions()
    assert found
    wrong = [
        (place, words)
        for place, words in found
        if not (words.startswith("text(") or words.endswith(".is_(None)") or words.isidentifier())
    ]
    assert wrong == []
