"""What is given to ssh, and how: its key is readable by nobody else and gone with the call."""

import stat
from pathlib import Path

import pydantic
import pytest

from gates import ssh


def test_a_secret_is_a_file_of_this_user_alone_and_only_for_the_call() -> None:
    with ssh._nameless("key", "secret\n") as path:
        assert Path(path).read_text() == "secret\n"
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert "memfd" in str(Path(path).readlink()), "nothing is on a disk"
    assert not Path(path).exists()


def test_ssh_asks_nobody_and_reads_no_file_of_the_machine() -> None:
    settings = ssh.SshSettings(host="gw.example.net", host_key="ssh-ed25519 AAAA", port=2222)
    words = ssh._client(settings, "/key", "/known", 10)
    assert words[:3] == ["ssh", "-F", "none"]
    assert words[-2:] == ["--", "gw.example.net"]
    for option in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/known",
        "IdentityAgent=none",
    ):
        assert option in words


def test_the_command_is_one_word_for_any_shell() -> None:
    assert ssh._in_shell(["nft", "-f", "it's"]).startswith("exec sh -c 'PATH=")
    assert ssh._in_shell(["a b"]).count("a b") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "-oProxyCommand=evil"},
        {"host": "two words"},
        {"user": "-l"},
        {"user": "a b"},
        {"host_key": "ssh-dss AAAA"},
        {"host_key": "ssh-ed25519 AAAA\nother ssh-rsa BBBB"},
        {"port": 0},
    ],
)
def test_settings_that_could_be_read_as_something_else_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ssh.SshSettings(**wrong)  # type: ignore[arg-type]
