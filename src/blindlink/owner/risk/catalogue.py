"""Every metric and attack of the report, in its order. To add one, add its file and a line here."""

from collections.abc import Callable, Iterable

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.co_occurrence import co_occurrence
from blindlink.owner.risk.measures.correlation import correlation
from blindlink.owner.risk.measures.frequency_alignment import frequency_alignment
from blindlink.owner.risk.measures.frequent_bit import frequent_bit
from blindlink.owner.risk.measures.frequent_token import frequent_token
from blindlink.owner.risk.measures.graph import graph
from blindlink.owner.risk.measures.key_alignment import key_alignment
from blindlink.owner.risk.measures.learned import learned
from blindlink.owner.risk.measures.missing import missing
from blindlink.owner.risk.measures.naive_bayes import naive_bayes
from blindlink.owner.risk.measures.nearest_known import nearest_known
from blindlink.owner.risk.measures.neighbours import neighbours
from blindlink.owner.risk.measures.parities import parities
from blindlink.owner.risk.measures.principal_components import principal_components
from blindlink.owner.risk.measures.rank import rank
from blindlink.owner.risk.measures.repeated_columns import repeated_columns
from blindlink.owner.risk.measures.whole_file import completeness, identical, uniqueness, weights
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

OF_FILES: tuple[Callable[[Case], Iterable[Metric]], ...] = (
    completeness,
    weights,
    missing,
    identical,
    frequent_token,
    neighbours,
    uniqueness,
    frequent_bit,
    key_alignment,
    rank,
    graph,
)
OF_VIEWS: tuple[Callable[[Case, View], Iterable[Metric]], ...] = (
    correlation,
    repeated_columns,
    principal_components,
    frequency_alignment,
    co_occurrence,
    naive_bayes,
    nearest_known,
    learned,
    parities,
)
