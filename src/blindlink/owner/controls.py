"""Control records: people who do not exist, so that every link to one of them is a false link.

A control is recombined from parts that different entities of the owner's own file lend:

    template   initials or forenames, sex, and whatever is not named below; sets the number of rows
    surname    where full surnames are held; otherwise the template lends the last initial
    year       year of birth, of somebody of the same sex and ten years of birth
    day        day and month of birth
    place      local authority, region, address, outward postcode, of somebody of the same region
    unit       the rest of a full postcode

A lender has as many rows as the template and the same pattern of equal and missing cells in its
part, so aliases and gaps are as frequent and as shaped as among real people. A date that far too
many people have is a default: it is lent as a whole, so defaults are as frequent as well. Dates and
postcodes are lent in two parts because a rare whole value would stand twice in the file: then a
control would always have somebody of its own birthday, and real people hardly ever. No lender
agrees with its control in two of name, surname, birth and place: a near-copy would betray itself
when the linker joins the file with itself. To agree with anybody else by chance is allowed: that is
what controls measure.

They are drawn once for an agreement, from a seed that only the owner can make, and every later
submission has the same ones: what stands in one file and not in another is never a control, so
that no number of submissions tells which are. They keep what they borrowed, also of somebody who
was taken out since: no part of a control is more than a block of fields, and no control is anybody.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from blindlink import frames
from blindlink.arrays import Bools, Int64s, Objects
from blindlink.errors import InputError
from blindlink.keys import Entropy
from blindlink.messages.submission.withdrawal import OwnControls

TEMPLATE = ("forename", "middle_name", "surname", "first_initial", "last_initial", "sex")
SURNAME = ("surname", "last_initial")
PLACE = ("postcode_outward", "local_authority", "region", "address")
DATE, POSTCODE = "date_of_birth", "postcode"
YEAR, DAY, OUTWARD, UNIT = "year", "day", "outward", "unit"  # parts of the two
LEAP_DAY = "-02-29"
COARSE = {"region", "sex"}  # alone they are no part: too many people agree in them
DEFAULT_SHARE, DEFAULT_TIMES = 0.001, 10  # of the rows, and of the rows of an average date
DRAWS = 32  # how often lenders are drawn again before another template is taken

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class Controls:
    """Control rows in the columns of the identities.

    ``control`` (rows,) numbers the control records from 0; ``template`` (controls,) is the entity
    that lent its number of rows.
    """

    rows: pa.Table
    control: Int64s
    template: Int64s

    @property
    def number(self) -> int:
        """How many control records there are."""
        return int(self.control.max(initial=-1)) + 1

    def kept(self, columns: Sequence[str]) -> OwnControls:
        """What the owner keeps of them: these columns, as text."""
        texts = [frames.texts(self.rows, name) for name in columns]
        return OwnControls(
            columns=tuple(columns),
            rows=tuple(zip(*texts, strict=True)) if texts else ((),) * len(self.control),
            control=tuple(self.control.tolist()),
        )


@dataclass(frozen=True)
class _Part:
    """What one lender lends: ``value`` (entities,) is equal where the whole part is equal.

    ``blank`` (entities,): there is nothing in it that could tell a person. Who may lend to an
    entity: ``lenders[start : start + size]`` of that entity.
    """

    columns: tuple[str, ...]
    value: Int64s
    blank: Bools
    lenders: Int64s
    start: Int64s
    size: Int64s


def make_controls(identities: pa.Table, entity: Int64s, number: int, entropy: Entropy) -> Controls:
    """``number`` control records from identity rows and the entity number (from 0) of each row.

    Raises InputError when the file is too small or too uniform to give so many.
    """
    people = _People(identities, entity)
    template, lenders = people.draw(number, entropy)
    rows = people.rows_of(template)
    columns = {
        name: identities.column(name).take(pa.array(people.order[rows]))
        for name in identities.column_names
    }
    lent = {
        name: people.texts[name][people.rows_of(lenders[part])]
        for part, found in people.parts.items()
        for name in found.columns
    }
    lent |= {name: lent[a] + lent[b] for name, a, b in _SPLIT if {a, b} <= lent.keys()}
    for name in columns.keys() & lent.keys():
        columns[name] = _typed(lent[name], identities.schema.field(name).type)
    control = np.repeat(np.arange(number), people.sizes[template])
    return Controls(pa.table(columns), control, template)


def restored(kept: OwnControls, identities: pa.Table) -> Controls:
    """The control records of an earlier submission, in the columns of the identities now.

    A column that is new is empty in them, and one that is gone is left out.
    """
    columns = {}
    for field in identities.schema:
        if field.name in kept.columns:
            at = kept.columns.index(field.name)
            texts = np.array([row[at] for row in kept.rows], object)
            columns[field.name] = _typed(texts, field.type)
        else:
            columns[field.name] = pa.nulls(len(kept.rows), field.type)
    control = np.array(kept.control, np.int64)
    rows = pa.table(columns, schema=identities.schema)
    return Controls(rows, control, np.full(int(control.max(initial=-1)) + 1, -1))


_SPLIT = ((DATE, YEAR, DAY), (POSTCODE, OUTWARD, UNIT))


class _People:
    """The identity rows sorted by entity, and for each part who may lend it to whom."""

    def __init__(self, identities: pa.Table, entity: Int64s) -> None:
        self.order = np.argsort(entity, kind="stable")
        self.sizes = np.bincount(entity)
        self.first = np.cumsum(self.sizes) - self.sizes
        self._place = np.arange(len(entity)) - np.repeat(self.first, self.sizes)
        self.texts: dict[str, Objects] = {
            name: np.array(frames.texts(identities, name), dtype=object)[self.order]
            for name in identities.column_names
        }
        if DATE in self.texts:
            self.texts[YEAR], self.texts[DAY] = _split_dates(self.texts[DATE])
        if POSTCODE in self.texts:
            self.texts[OUTWARD], self.texts[UNIT] = _split_postcodes(self.texts[POSTCODE])
        self.parts: dict[str, _Part] = {}
        self._find_parts()
        lent = {name for part in self.parts.values() for name in part.columns}
        mine = [name for name in TEMPLATE if name in self.texts and name not in lent]
        self._template, self._blank = self._values(mine), self._nothing_in(mine)

    def rows_of(self, entities: Int64s) -> Int64s:
        """The rows, in entity order, of these entities, one entity after the other."""
        sizes = self.sizes[entities]
        starts = np.repeat(self.first[entities] - (np.cumsum(sizes) - sizes), sizes)
        return starts + np.arange(int(sizes.sum()))

    def draw(self, number: int, entropy: Entropy) -> tuple[Int64s, dict[str, Int64s]]:
        """Templates, and for each part a lender for each of them."""
        waiting, size = _shuffled(len(self.sizes), entropy), number + number // 4 + 1
        template = np.zeros(0, np.int64)
        lenders = dict.fromkeys(self.parts, template)
        while len(template) < number:
            batch, waiting = waiting[:size], waiting[size:]
            if not len(batch) or not self.parts:
                raise InputError(
                    f"identities: too few different people for {number} control records",
                    hint="agree on fewer control records",
                )
            found, done = self._lenders(batch, entropy)
            template = np.concatenate([template, batch[done]])
            lenders = {p: np.concatenate([lenders[p], found[p][done]]) for p in lenders}
        return template[:number], {part: each[:number] for part, each in lenders.items()}

    def _lenders(self, template: Int64s, entropy: Entropy) -> tuple[dict[str, Int64s], Bools]:
        """For each part a lender for each template, and where all were found."""
        found = {part: np.zeros(len(template), np.int64) for part in self.parts}
        done = np.zeros(len(template), bool)
        for _ in range(DRAWS):
            waiting = np.flatnonzero(~done)
            if not len(waiting):
                break
            drawn = {p: _pick(part, template[waiting], entropy) for p, part in self.parts.items()}
            good = self._sound(template[waiting], drawn)
            for part, lender in drawn.items():
                found[part][waiting[good]] = lender[good]
            done[waiting[good]] = True
        return found, done

    def _sound(self, template: Int64s, lenders: Mapping[str, Int64s]) -> Bools:
        """Where the date exists and no lender agrees with the control in two blocks."""
        value = {part: self.parts[part].value[lender] for part, lender in lenders.items()}
        good = self._dates_exist(lenders, len(template))
        for lender in (template, *lenders.values()):
            mine = {p: self.parts[p].value[lender] == value[p] for p in lenders}
            told = {p: mine[p] & ~self.parts[p].blank[lender] for p in lenders}
            agreed = [(self._template[lender] == self._template[template]) & ~self._blank[lender]]
            agreed += [told[p] for p in ("surname", "place") if p in told]
            agreed += [mine["year"] & told["day"]] if "year" in mine else []
            good &= np.sum(agreed, axis=0) < 2
        return good

    def _dates_exist(self, lenders: Mapping[str, Int64s], number: int) -> Bools:
        """No 29 February of a common year, in any row."""
        if "year" not in lenders:
            return np.ones(number, bool)
        years = self.texts[YEAR][self.rows_of(lenders["year"])]
        days = self.texts[DAY][self.rows_of(lenders["day"])]
        wrong = [d == LEAP_DAY and not _leap(y) for y, d in zip(years, days, strict=True)]
        good = np.ones(number, bool)
        good[np.repeat(np.arange(number), self.sizes[lenders["year"]])[wrong]] = False
        return good

    def _find_parts(self) -> None:
        def held(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(name for name in names if name in self.texts)

        sex, region = self._first("sex"), self._first("region")
        if "surname" in self.texts:
            self._add("surname", held(SURNAME), held(SURNAME), [region])
        if DATE in self.texts:
            decade = _codes([text[:3] for text in self.texts[YEAR][self.first]])
            self._add("year", (YEAR,), (YEAR, DAY), [sex, decade])
            self._add("day", (DAY,), (YEAR, DAY), [])
        place = held((*PLACE, OUTWARD))
        if set(place) - COARSE:
            self._add("place", place, held((*place, UNIT)), [region])
            if UNIT in self.texts:
                self._add("unit", (UNIT,), held((*place, UNIT)), [])

    def _add(
        self,
        part: str,
        columns: tuple[str, ...],
        shape: tuple[str, ...],
        stratum: Sequence[Int64s],
    ) -> None:
        """A part whose lenders have the same pattern in the columns ``shape`` and ``stratum``."""
        keys = np.stack([self.sizes, self._pattern(shape), *stratum], axis=1)
        group = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        size = np.bincount(group)
        start = np.cumsum(size) - size
        lenders = np.argsort(group, kind="stable")
        value, blank = self._values(columns), self._nothing_in(columns)
        self.parts[part] = _Part(columns, value, blank, lenders, start[group], size[group])

    def _first(self, column: str) -> Int64s:
        """A number for each entity, by the value in its first row."""
        if column not in self.texts:
            return np.zeros(len(self.sizes), np.int64)
        return _codes(self.texts[column][self.first])

    def _values(self, columns: Sequence[str]) -> Int64s:
        """A number for each entity, equal where all its rows are equal in these columns."""
        return self._by_entity(self._cells(columns))

    def _nothing_in(self, columns: Sequence[str]) -> Bools:
        """Entities without any value in these columns that could tell a person."""
        empty = np.ones(len(self.order), bool)
        for name in columns:
            if name not in COARSE:
                empty &= self.texts[name] == ""
        return np.logical_and.reduceat(empty, self.first)

    def _pattern(self, columns: Sequence[str]) -> Int64s:
        """A number for each entity, equal where the same cells are missing and rows repeat."""
        cells, marks = self._cells(columns), np.zeros(len(self.order), np.int64)
        for entity in np.flatnonzero(self.sizes > 1).tolist():
            rows = slice(self.first[entity], self.first[entity] + self.sizes[entity])
            seen: dict[int, int] = {}
            marks[rows] = [seen.setdefault(cell, len(seen)) for cell in cells[rows].tolist()]
        for name in columns:
            marks = 2 * marks + (self.texts[name] == "")
        return self._by_entity(marks)

    def _cells(self, columns: Sequence[str]) -> Int64s:
        """A number for each row, equal where rows are equal in these columns."""
        cells = np.zeros(len(self.order), np.int64)
        for name in columns:
            codes = _codes(self.texts[name])
            cells = _codes(cells * (int(codes.max(initial=0)) + 1) + codes)
        return cells

    def _by_entity(self, rows: Int64s) -> Int64s:
        """A number for each entity, equal where all its rows have equal numbers."""
        values: Int64s = rows[self.first]
        known: dict[tuple[int, ...], int] = {}
        above = int(rows.max(initial=0)) + 1
        for entity in np.flatnonzero(self.sizes > 1).tolist():
            start = self.first[entity]
            mine = tuple(rows[start : start + self.sizes[entity]].tolist())
            values[entity] = above + known.setdefault(mine, len(known))
        return values


def _split_dates(dates: Objects) -> tuple[Objects, Objects]:
    """Year and the rest. A default date, and what is no date, stays whole in the first."""
    count = Counter(dates.tolist())
    often = max(DEFAULT_SHARE * len(dates), DEFAULT_TIMES * len(dates) / max(len(count), 1))
    parts = {
        date: (date, "") if rows > often or not _DATE.fullmatch(date) else (date[:4], date[4:])
        for date, rows in count.items()
    }
    pairs = [parts[date] for date in dates]
    return np.array([y for y, _ in pairs], object), np.array([d for _, d in pairs], object)


def _split_postcodes(postcodes: Objects) -> tuple[Objects, Objects]:
    """The outward part, and the unit of three characters behind it where there is one."""
    whole = [len(text.strip()) < 5 for text in postcodes]
    pairs = list(zip(postcodes, whole, strict=True))
    outward = np.array([text if w else text.strip()[:-3] for text, w in pairs], object)
    return outward, np.array(["" if w else text.strip()[-3:] for text, w in pairs], object)


def _leap(year: str) -> bool:
    return (
        year.isdecimal() and (int(year) % 4 == 0) and (int(year) % 100 != 0 or int(year) % 400 == 0)
    )


def _typed(texts: Objects, kind: pa.DataType) -> pa.Array:
    """Texts in the type of their column, null where empty unless that is text."""
    if pa.types.is_string(kind):
        return pa.array(texts.tolist(), kind)
    return pa.array([text or None for text in texts], pa.string()).cast(kind)


def _codes(values: npt.NDArray[Any] | Sequence[str]) -> Int64s:
    """The same number for the same value, from 0."""
    return np.asarray(pa.array(values).dictionary_encode().indices.to_numpy(), np.int64)


def _pick(part: _Part, template: Int64s, entropy: Entropy) -> Int64s:
    """A random lender for each template; 64 random bits leave no bias worth naming."""
    random = np.frombuffer(entropy(8 * len(template)), np.uint64)
    within = (random % part.size[template].astype(np.uint64)).astype(np.int64)
    lenders: Int64s = part.lenders[part.start[template] + within]
    return lenders


def _shuffled(number: int, entropy: Entropy) -> Int64s:
    return np.argsort(np.frombuffer(entropy(8 * number), np.uint64), kind="stable")
