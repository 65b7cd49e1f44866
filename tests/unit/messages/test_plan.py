"""The linkage plan: what it accepts, what it refuses, and that it has one spelling."""

import pytest

from blindlink.errors import FormatError
from blindlink.messages import canonical
from blindlink.messages.plan import Plan, parse_plan


def test_the_defaults_choose_the_threshold() -> None:
    plan = Plan()
    assert (plan.fixed, plan.fallback, plan.aim) == (None, None, ("f1", 1.0))
    assert plan.cardinality == "one-to-one"


def test_a_plan_survives_canonical_json() -> None:
    plan = Plan(threshold="0.8", fallback_threshold="0.75", target="precision:0.95")
    document = canonical.loads(canonical.dumps(plan.model_dump(mode="json")))
    assert parse_plan(document) == plan
    assert (plan.fixed, plan.fallback, plan.aim) == (0.8, 0.75, ("precision", 0.95))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", "1.2"),
        ("threshold", "-0.1"),
        ("threshold", "0,8"),
        ("threshold", ".8"),
        ("threshold", "1e-1"),
        ("threshold", "automatic"),
        ("threshold", 0.8),
        ("threshold", "0.٨"),
        ("target", "recall:0.9"),
        ("target", "precision"),
        ("target", "precision:2"),
        ("cardinality", "many-to-one"),
        ("methods", []),
        ("methods", ["clk", "clk"]),
        ("methods", ["magic"]),
        ("candidate_floor", 0.01),
        ("unknown", "1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(FormatError) as caught:
        parse_plan({field: value})
    assert f"linkage plan, {field}" in caught.value.message
    assert "Value error" not in caught.value.message


def test_an_optimal_assignment_is_written_only_where_it_is_asked_for() -> None:
    assert "assignment" not in Plan().model_dump(mode="json")
    plan = parse_plan({"assignment": "optimal"})
    assert plan.model_dump(mode="json")["assignment"] == "optimal"
    with pytest.raises(FormatError, match="needs the cardinality one-to-one"):
        parse_plan({"assignment": "optimal", "cardinality": "one-to-many"})
