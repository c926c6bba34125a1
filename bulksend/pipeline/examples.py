"""A few messages of a plan as they would go out, for a person to look at."""

from dataclasses import dataclass

from bulksend.base.records import Encoding, PlannedRow

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A message, and why it is shown. Holds a text: for the person who asked, and for no log."""

    why: str
    row: PlannedRow

    def __repr__(self) -> str:
        return f"Shown(why={self.why!r}, row={self.row!r})"


class Examples:
    """Keeps a handful of rows as they pass: the first ones, the longest, the first in UCS-2, the first elsewhere."""

    __slots__ = ("_abroad", "_first", "_longest", "_ucs2", "most_parts")

    def __init__(self) -> None:
        self.most_parts = 0
        self._first: list[PlannedRow] = []
        self._longest: PlannedRow | None = None
        self._ucs2: PlannedRow | None = None
        self._abroad: PlannedRow | None = None

    def add_longest(self, row: PlannedRow) -> None:
        """Take a row that has more parts than `most_parts`."""
        self.most_parts, self._longest = row.parts, row

    def add_ucs2(self, row: PlannedRow) -> None:
        """Take the first row in UCS-2; later ones are left alone."""
        if self._ucs2 is None:
            self._ucs2 = row

    def add_route(self, row: PlannedRow) -> None:
        """Take the first row of a route: an identity and a country."""
        if not self._first:
            self._first.append(row)
        elif self._abroad is None and row.country != self._first[0].country:
            self._abroad = row

    def add_early(self, row: PlannedRow) -> None:
        """Take one of the first `SHOWN` rows, which stand in where the others are the same."""
        if len(self._first) < SHOWN and row not in self._first:
            self._first.append(row)

    def shown(self) -> list[Shown]:
        """At most `SHOWN` different messages, in the order of the input."""
        if not self._first:
            return []
        first = self._first[0]
        wanted: list[tuple[str, PlannedRow | None]] = [
            ("the first", first),
            (f"the first of {self.most_parts} parts, the most there are", self._longest),
            ("the first in UCS-2", self._ucs2 if first.encoding is not Encoding.UCS_2 else None),
            ("another country", self._abroad),
            *(("one of the first", row) for row in self._first[1:]),
        ]
        chosen: dict[int, Shown] = {}
        for why, row in wanted:
            if row is not None and row.row not in chosen and len(chosen) < SHOWN:
                chosen[row.row] = Shown(why, row)
        return [chosen[number] for number in sorted(chosen)]
