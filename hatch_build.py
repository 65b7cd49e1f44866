"""The README as a package index shows it: a link into this repository leads nowhere there.

Such links become their words, and pictures go. Where ``[tool.hatch.metadata.hooks.custom]`` in
pyproject.toml names the address of the repository's files as ``address``, both are completed
instead.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Sets the field ``readme``, which the project calls dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling for every build."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        address = self.config.get("address", "")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": index_readme(text, address),
        }


def index_readme(text: str, address: str = "") -> str:
    """The README without relative links, or with ``address`` in front of them."""

    def change(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        if address:
            return f"{picture}[{words}]({address.rstrip('/')}/{target})"
        return "" if picture else words

    return _LINK.sub(change, text)
