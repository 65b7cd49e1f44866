"""Definitions and settings: defaults, TOML, and what is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from blindlink.analyst.estimate.rates import beta_parameters
from blindlink.errors import InputError
from blindlink.studies.probation_treatment.definitions import (
    OUTCOMES,
    Definitions,
    Prior,
    Settings,
    load_settings,
)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        'title = "Ours"\n[definitions]\ngap_days = 30\nobservation_end = 2021-12-31\n'
        '[[priors]]\nname = "consent"\nvalue = 0.9\nlow = 0.8\nhigh = 0.95\nsource = "us"\n'
    )
    settings = load_settings(path)
    assert settings.title == "Ours"
    assert settings.definitions.gap_days == 30
    assert [prior.name for prior in settings.priors] == ["consent"]
    assert settings.definitions.status_days == Definitions().status_days


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title = ", "is not TOML"),
        ("surprise = 1", "surprise"),
        ("[definitions]\ngap_days = -1", "definitions.gap_days"),
        ("[definitions]\nobservation_end = 2017-01-01", "observation_end"),
        ('[[priors]]\nname = "x"\nvalue = 0.5\nlow = 0.6\nhigh = 0.7\nsource = "y"', "priors.0"),
        (
            '[[priors]]\nname = "x"\nvalue = 0.5\nlow = 0.4\nhigh = 0.7\nsource = ""',
            "priors.0.source",
        ),
        ('left = "a"\nright = "a"', "same owner"),
        ("imputations = 1", "imputations"),
    ],
)
def test_a_wrong_file_is_refused_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"settings\.toml") as caught:
        load_settings(path)
    assert place in caught.value.message


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_settings(tmp_path / "none.toml")


def test_every_default_prior_and_benchmark_has_a_source() -> None:
    settings = Settings()
    assert all(prior.source for prior in settings.priors)
    assert all(benchmark.source for benchmark in settings.benchmarks)


def test_every_outcome_is_folded_and_no_code_stands_twice() -> None:
    rules = Definitions()
    assert set(rules.fold) == set(OUTCOMES)
    codes = [code for group in rules.discharge.values() for code in group]
    assert len(codes) == len(set(codes))


def test_a_prior_too_wide_for_any_distribution_is_refused() -> None:
    with pytest.raises(ValidationError):
        Prior(name="x", value=0.5, low=0.001, high=0.999999, source="y", extra=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="range"):
        beta_parameters(0.99, 0.01, 0.999)


def test_beta_parameters_have_the_mean_and_the_spread() -> None:
    alpha, beta = beta_parameters(0.95, 0.93, 0.97)
    assert alpha / (alpha + beta) == pytest.approx(0.95)
    variance = alpha * beta / (alpha + beta) ** 2 / (alpha + beta + 1)
    assert variance**0.5 == pytest.approx(0.04 / 2 / 1.959964)
