"""From the columns of a table to the bits of one filter."""

from collections.abc import Mapping

import numpy as np

from blindlink.arrays import Bytes
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.composites import CompositeEncoder, composite_rows
from blindlink.owner.encoding.features import FeatureEncoder
from blindlink.owner.encoding.memo import Budget
from blindlink.owner.encoding.plan import FilterPlan
from blindlink.owner.encoding.problems import Problems
from blindlink.owner.encoding.setting import fold
from blindlink.owner.encoding.tokens import derive_keys


class FilterEncoder:
    """Encodes table after table for one filter, with its own keys. Threads may share it."""

    def __init__(self, plan: FilterPlan, secret: bytes, budget: Budget) -> None:
        keys = derive_keys(secret, plan.kdf, plan.keys, plan.info)
        self._plan = plan
        self._features = [
            FeatureEncoder(each, keys[each.position], plan.length, budget) for each in plan.features
        ]
        self._composites = [
            CompositeEncoder(each, keys[each.position][0], plan.length) for each in plan.composites
        ]

    def encode(
        self,
        cells: Mapping[int, Coded],
        columns: Mapping[str, Coded],
        rows: int,
        problems: Problems,
    ) -> Bytes:
        """The filter of every row before hardening, (rows, ceil(bits / 8)), folded.

        ``cells`` holds the column of each feature by its position, ``columns`` those that
        composites are made of. Bad cells are noted in ``problems`` and set no bits.
        """
        plan = self._plan
        packed = np.zeros((rows, -(-plan.length // 8)), np.uint8)
        for feature, encoder in zip(plan.features, self._features, strict=True):
            encoder.add(packed, cells[feature.position], problems)
        if self._composites:
            packed |= composite_rows(self._composites, columns, rows, plan.length)
        return fold(packed, plan.length, plan.folds)
