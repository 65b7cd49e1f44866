"""The exception tree is an interface: every class has a code of its own, as drawn at the top."""

import re

from blindlink import errors


def classes() -> list[type[errors.BlindlinkError]]:
    return errors.BlindlinkError.__subclasses__()


def test_every_class_has_its_own_exit_code() -> None:
    codes = [cls.exit_code for cls in classes()]
    assert sorted(codes) == list(range(10, 10 + len(codes)))


def test_the_drawing_is_the_tree() -> None:
    drawn = dict(re.findall(r"── (\w+) +(\d+)", errors.__doc__ or ""))
    assert drawn == {cls.__name__: str(cls.exit_code) for cls in classes()}


def test_every_error_has_a_hint() -> None:
    assert errors.MissingExtraError("numba", "linker").hint == (
        "install it with: pip install 'blindlink[linker]'"
    )
    assert errors.InputError("x", hint="y").hint == "y"
    assert all(cls.hint for cls in classes())
