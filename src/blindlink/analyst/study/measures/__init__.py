"""The vocabulary, computed: for each measure that a study can declare, the class that makes it."""

from collections.abc import Iterator

from blindlink.analyst.study.measures.amounts import ChangeStatistic, RateStatistic
from blindlink.analyst.study.measures.base import Statistic
from blindlink.analyst.study.measures.coverage import (
    FlowStatistic,
    LinkageStatistic,
    QualityStatistic,
)
from blindlink.analyst.study.measures.firsts import FirstStatistic
from blindlink.analyst.study.measures.odds import ModelStatistic
from blindlink.analyst.study.measures.shares import OpenOnStatistic, ShareStatistic
from blindlink.analyst.study.measures.times import TimeToExitStatistic, TimeToFirstStatistic
from blindlink.schema.study.declaration import Declaration

_MAKERS: dict[str, type[Statistic]] = {
    "share": ShareStatistic,
    "open-on": OpenOnStatistic,
    "first": FirstStatistic,
    "time-to-first": TimeToFirstStatistic,
    "time-to-exit": TimeToExitStatistic,
    "change": ChangeStatistic,
    "rate": RateStatistic,
    "flow": FlowStatistic,
    "quality": QualityStatistic,
    "linkage": LinkageStatistic,
}


def statistics(study: Declaration) -> Iterator[Statistic]:
    """Every measure and model of a study, in their order."""
    for name, measure in study.measures.items():
        yield _MAKERS[measure.type](name, measure, study)
    for model in study.models:
        yield ModelStatistic(model.id, model, study)
