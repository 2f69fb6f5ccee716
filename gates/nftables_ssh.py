"""The same gate on a Linux gateway that is reached over SSH."""

from collections.abc import Sequence

from gates import programs, ssh
from gates.nftables import NftablesGate, NftablesSettings


class NftablesSshSettings(NftablesSettings, ssh.SshSettings):
    """Which gateway, then what its packet filter is told."""


class NftablesSshGate(NftablesGate):
    """Runs nft there: a batch of any size is one call, its text on the standard input."""

    settings: NftablesSshSettings

    def __init__(self, settings: NftablesSshSettings | None = None) -> None:
        super().__init__(settings or NftablesSshSettings())

    def _run(self, command: Sequence[str], text: str) -> programs.Finished:
        return ssh.run(self.settings, command, text, self.settings.timeout_s)

    def _where(self) -> str:
        inside = f", in namespace {self.settings.namespace}" if self.settings.namespace else ""
        return f"on {self.settings.host}{inside}"
