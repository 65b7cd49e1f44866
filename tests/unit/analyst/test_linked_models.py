"""Models across links: closed forms, designs of the papers, and coverage with and without."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse

import blindlink as bl
from blindlink.analyst.estimate.adjusted import adjusted, by_pair, exchangeable
from blindlink.analyst.estimate.crosstab import behind
from blindlink.analyst.estimate.mixture import Mixture, marginal, mixed
from blindlink.analyst.estimate.regression import checked, pool, small_sample
from blindlink.analyst.estimate.survival import Lives, believed
from blindlink.analyst.estimate.survival import adjusted as adjusted_cox
from blindlink.errors import InputError
from worlds.linked_pairs import Made, doubtful, presence, shuffled

RIGHT = bl.ErrorRates.from_prior(source="given", precision=(0.8,) * 3)
GAUSSIAN, BINOMIAL = sm.families.Gaussian(), sm.families.Binomial()


def linked(made: Made) -> bl.LinkedData:
    return bl.LinkedData(made.left, made.right, made.links)


def estimates(found: bl.Estimates) -> np.ndarray:
    return found.to_pandas()["estimate"].to_numpy()


class TestClosedForms:
    def test_lahiri_and_larsen_is_least_squares_on_what_was_linked(self) -> None:
        generator = np.random.default_rng(1)
        X = np.column_stack([np.ones(50), generator.normal(size=50)])
        y, weights = generator.normal(size=40), generator.dirichlet(np.ones(50), 40) * 0.9
        fit = adjusted(X, y, by_pair(sparse.csr_array(weights)), GAUSSIAN, np.arange(40))
        expected = weights @ X + 0.1 * X.mean(axis=0)
        assert fit is not None
        assert fit.beta == pytest.approx(np.linalg.lstsq(expected, y, rcond=None)[0])

    def test_exchangeable_mixes_within_the_block(self) -> None:
        right, block = np.array([0.8, 0.8, 0.8, 1.0, 1.0]), np.array([0, 0, 0, 1, 1])
        matrix = exchangeable(right, block)(np.eye(5))
        assert matrix[:3, :3] == pytest.approx(np.full((3, 3), 0.1) + 0.7 * np.eye(3))
        assert matrix[3:, 3:] == pytest.approx(np.eye(2))
        assert matrix.sum(axis=1) == pytest.approx(np.ones(5))

    @pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
    def test_without_wrong_links_every_method_is_the_plain_model(self, family: str) -> None:
        made = shuffled(2, family, blocks=((300, 1.0),))
        sure = bl.ErrorRates.from_prior(source="x", precision=(1.0,) * 3)
        plain = estimates(bl.glm("y ~ x", linked(made), family=family, method="none"))
        X = sm.add_constant(made.left["x"].to_numpy())
        theirs = {"gaussian": GAUSSIAN, "binomial": BINOMIAL, "poisson": sm.families.Poisson()}
        fit = sm.GLM(made.right["y"].to_numpy(float), X, family=theirs[family]).fit()
        assert plain == pytest.approx(fit.params)
        for method in ("exchangeable", "mixture"):
            found = bl.glm("y ~ x", linked(made), family=family, method=method, rates=sure, draws=2)
            assert estimates(found) == pytest.approx(plain, abs=1e-3)

    def test_a_crosstab_is_turned_back(self) -> None:
        truth = np.array([[0.3, 0.1], [0.15, 0.45]])
        product = truth.sum(axis=1, keepdims=True) * truth.sum(axis=0, keepdims=True)
        assert behind(0.7 * truth + 0.3 * product, 0.7) == pytest.approx(truth)

    def test_barnard_and_rubin(self) -> None:
        """Against the paper's formula by hand: m = 5, half of the variance between, 30 complete."""
        large = 4 / 0.25
        seen = 31 / 33 * 30 * 0.5
        assert small_sample(5, np.array([0.5]), 30.0) == pytest.approx(1 / (1 / large + 1 / seen))
        assert small_sample(5, np.array([0.5]), np.inf) == pytest.approx(large)
        equal = [checked(np.ones(2), np.eye(2), 30.0)] * 3
        assert pool(equal).freedom == pytest.approx(31 / 33 * 30)

    def test_cox_without_wrong_links_is_the_partial_likelihood(self) -> None:
        made = shuffled(4, "cox", blocks=((400, 1.0),))
        Z = made.left[["x"]].to_numpy()
        days, died = made.right["days"].to_numpy(), made.right["died"].to_numpy() == 1
        end = np.sort(days)[::-1][79]  # both see what comes before the last fifth
        lives = Lives(np.minimum(days, end), died & (days <= end), Z, np.arange(400))
        plain = believed(lives)
        assert plain is not None
        fit, _ = adjusted_cox(lives, 1.0, np.ones(20), plain.beta, 1)
        assert fit is not None
        assert fit.beta == pytest.approx(plain.beta, abs=1e-4)

    def test_the_marginal_of_counts_is_their_frequency(self) -> None:
        y = np.array([0.0, 1.0, 1.0, 3.0])
        assert marginal(y[:2], y, sm.families.Poisson()).sum() == pytest.approx(1 / 3 + 0.5)


class TestPapersDesigns:
    def test_three_blocks_linked_ever_worse(self) -> None:
        """After Chambers (2009): blocks of 1,500, 300 and 200 rows, of lambda 1, .95 and .75."""
        blocks = ((1500, 1.0), (300, 0.95), (200, 0.75))
        rates = RIGHT.by(
            "block",
            {
                f"b{n}": bl.ErrorRates.from_prior(source="given", precision=(right,) * 3)
                for n, (_, right) in enumerate(blocks)
            },
        )
        found = []
        for seed in range(12):
            made = shuffled(seed, "gaussian", blocks=blocks)
            fit = bl.glm("y ~ x", linked(made), family="gaussian", rates=rates, draws=2)
            found.append(fit.to_pandas().set_index("term").loc["x", ["believed", "estimate"]])
        believed_slope, slope = np.mean(found, axis=0)
        assert believed_slope < 0.79
        assert slope == pytest.approx(0.8, abs=0.012)

    def test_a_mixture_finds_how_many_links_are_right(self) -> None:
        """After Slawski and others (2025): a strong linear model tells right from wrong pairs."""
        generator = np.random.default_rng(5)
        x = generator.normal(size=1000)
        y = 2 * x + 0.5 * generator.normal(size=1000)
        y[:300] = generator.permutation(y[:300])
        X = np.column_stack([np.ones(1000), x])
        fit, right = mixed(Mixture(X, y, marginal(y, y, GAUSSIAN), None, np.arange(1000)), GAUSSIAN)
        assert fit is not None
        assert right == pytest.approx(0.7, abs=0.03)
        assert fit.beta == pytest.approx([0, 2], abs=0.08)


def inside(found: bl.Estimates, truth: np.ndarray) -> bool:
    row = found.to_pandas().iloc[-1]
    return bool(row["estimate_low"] <= truth[-1] <= row["estimate_high"])


def checked_links(right: float) -> bl.ErrorRates:
    return bl.ErrorRates.from_prior(source="given", precision=(right,) * 3)


class TestCoverage:
    """Short versions of benchmarks/linked_coverage.py: few seeds tell .95 from .6, no finer."""

    @pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
    def test_the_slope_is_held_and_not_by_believing(self, family: str) -> None:
        held, errors = 0, []
        for seed in range(15):
            made = shuffled(seed, family, blocks=((1500, 0.8),))
            rates = bl.ErrorRates.from_clerical(160, 200)
            found = bl.glm("y ~ x", linked(made), family=family, rates=rates, draws=5)
            held += inside(found, made.truth)
            row = found.to_pandas().iloc[-1]
            errors.append(row[["believed", "estimate"]].to_numpy(float) - made.truth[-1])
        believed_error, error = np.mean(errors, axis=0)
        assert held >= 12
        assert abs(error) < abs(believed_error) / 3

    @pytest.mark.parametrize(
        ("method", "seeds", "least"), [("pairs", 25, 21), ("imputation", 6, 4)]
    )
    def test_candidates_with_probabilities_that_are_right(
        self, method: Any, seeds: int, least: int
    ) -> None:
        held, believed_held = 0, 0
        for seed in range(seeds):
            made, every = doubtful(seed, "gaussian")
            data = bl.LinkedData(made.left, made.right, made.links, candidates=every)
            found = bl.glm("y ~ x", data, family="gaussian", method=method, draws=5)
            held += inside(found, made.truth)
            row = found.to_pandas().iloc[-1]
            believed_held += row["believed_low"] <= made.truth[-1] <= row["believed_high"]
        assert held >= least
        assert believed_held <= seeds / 4

    def test_mixture(self) -> None:
        held = 0
        for seed in range(6):
            made = shuffled(seed, "gaussian", blocks=((300, 0.8),))
            found = bl.glm("y ~ x", linked(made), family="gaussian", method="mixture")
            held += inside(found, made.truth)
        assert held >= 4

    def test_it_is_lost_where_wrong_links_depend_on_the_terms(self) -> None:
        held = 0
        for seed in range(10):
            made = shuffled(seed, "gaussian", blocks=((1500, 0.7),), selective=1.0)
            rates = checked_links(0.7)
            found = bl.glm("y ~ x", linked(made), family="gaussian", draws=2, rates=rates)
            held += inside(found, made.truth)
        assert held <= 3

    def test_cox(self) -> None:
        held = 0
        for seed in range(6):
            made = shuffled(seed, "cox", blocks=((800, 0.9),))
            rates = checked_links(0.9)
            found = bl.cox("Surv(days, died) ~ x", linked(made), rates=rates, replicates=40)
            row = found.to_pandas().iloc[0]
            assert row["believed"] < row["estimate"]
            held += inside(found, made.truth)
        assert held >= 4


class TestPresence:
    def test_odds_ratios_of_having_a_partner(self) -> None:
        rates = bl.ErrorRates.from_controls(60, 1000) | bl.ErrorRates.from_known_pairs(850, 1000)
        held, believed_held = np.zeros(3, int), np.zeros(3, int)
        for seed in range(12):
            made = presence(seed, rows=1200)
            found = bl.glm(
                "engaged ~ C(sex) + age", linked(made), method="misclassification", rates=rates,
                draws=5,
            ).to_pandas()  # fmt: skip
            low, high = found["estimate_low"], found["estimate_high"]
            held += ((low <= made.truth) & (made.truth <= high)).to_numpy()
            low, high = found["believed_low"], found["believed_high"]
            believed_held += ((low <= made.truth) & (made.truth <= high)).to_numpy()
        assert (held >= 10).all()
        assert believed_held[0] < held[0]

    def test_a_tipping_point_of_an_odds_ratio(self) -> None:
        """With the level's sensitivity moved by it, the interval ends at 0."""
        made = presence(5, rows=3000)
        fixed = bl.ErrorRates.from_prior(source="x", false_link=(0.06,) * 3, sensitivity=(0.8,) * 3)
        ask: Any = {"method": "misclassification", "draws": 2}
        found = bl.glm("engaged ~ C(sex) + age", linked(made), rates=fixed, **ask).to_pandas()
        tip = found.set_index("term")["tipping"]["C(sex)[T.M]"]
        assert 0 < tip < 0.25
        assert np.isnan(found.set_index("term")["tipping"]["age"])
        own = bl.ErrorRates.from_prior(source="x", sensitivity=(0.8 * (1 + tip),) * 3)
        again = bl.glm(
            "engaged ~ C(sex) + age", linked(made), rates=fixed.by("sex", {"M": own}), **ask
        ).to_pandas()
        low = again.set_index("term").loc["C(sex)[T.M]", "estimate_low"]
        assert low == pytest.approx(0, abs=0.05)


MAGIC: Any = "magic"


class TestMistakes:
    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda d: bl.glm("y ~ gone", d, rates=RIGHT), "no table has the column gone"),
            (lambda d: bl.glm("y ~ x + y2", d, rates=RIGHT), "not in different tables"),
            (lambda d: bl.glm("y ~ x +", d, rates=RIGHT), "cannot be used"),
            (lambda d: bl.glm("~ x", d, rates=RIGHT), "needs one outcome"),
            (lambda d: bl.glm("y ~ x", d), "nothing is known of how many links are right"),
            (lambda d: bl.glm("y ~ x", d, family="tweedie", rates=RIGHT), "no family"),
            (lambda d: bl.glm("y ~ x", d, method=MAGIC, rates=RIGHT), "no method"),
            (lambda d: bl.glm("y ~ x", d, method="imputation"), "no pair has a match probability"),
            (
                lambda d: bl.glm("linked ~ x", d, method="misclassification"),
                "nothing is known of false links",
            ),
            (lambda d: bl.cox("y ~ x", d, rates=RIGHT), "needs Surv"),
            (lambda d: bl.crosstab(d, "x", "gone", rates=RIGHT), "right has no column gone"),
        ],
    )
    def test_is_explained(self, call: object, says: str) -> None:
        made = shuffled(1, "binomial", blocks=((60, 0.8),))
        made.right["y2"] = 1.0
        assert callable(call)
        with pytest.raises(InputError) as caught:
            call(linked(made))
        assert says in caught.value.message

    def test_control_records_tell_precision_one_to_one(self) -> None:
        made = presence(1)
        rates = bl.ErrorRates.from_controls(60, 1000)
        made.right["cost"] = np.random.default_rng(1).normal(size=len(made.right))
        found = bl.glm("cost ~ age", linked(made), family="gaussian", rates=rates)
        assert found.rests_on[0].startswith("precision: from false links, measured")
