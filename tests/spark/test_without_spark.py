"""What Spark's engine says and does where there is no Spark."""

import sys

import pytest

from blindlink.errors import MissingExtraError
from blindlink.linker.join import engines


def test_without_pyspark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("pyspark", "py4j"))]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("py4j", "pyspark"):
        monkeypatch.setitem(sys.modules, name, None)
    ours = ("blindlink.linker.spark", "blindlink.linker.join.engines.spark")
    for name in [name for name in sys.modules if name.startswith(ours)]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"^py") as raised:
        engines.load("spark")
    assert "blindlink[spark]" in raised.value.hint
    from blindlink.linker.spark.__main__ import main

    assert main(["a", "b", "c", "--threshold", "1"]) == MissingExtraError.exit_code
    assert "blindlink[spark]" in capsys.readouterr().err
