"""`linecard init`: a settings file with fresh keys."""

import os
import secrets as random
from pathlib import Path

from core import secrets
from linecard.errors import StartError

_TEXT = """\
# Linecard's settings. config.example.toml lists all of them with their defaults.
# This file holds keys: keep it to yourself, and keep a copy. Without secrets.keys the stored device
# passwords cannot be read again.

[web]
secret_key = "{secret_key}"

[secrets]
keys = ["{key}"]
"""


def write(path: Path) -> None:
    """Write the file, readable by its owner only; raises StartError when there is one or it cannot be."""
    text = _TEXT.format(secret_key=random.token_urlsafe(48), key=secrets.new_key())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise StartError(f"{path} exists and is left as it is.") from error
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
