"""Who used most, without adding everybody up.

A range with whole months in it holds far more rows than people are looked for. So the first of each month are read, who
lie in their order in an index, and the first of the days around the months. Whoever is on none of these lists has at
most what the last ones on them have together; people who have more than that are ahead of all others. Only where that
settles nothing, because many used nearly the same, everybody is added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from analytics.books import ANY, Books, Select, among, as_rows, united
from analytics.days import Days, Granularity
from analytics.sums import PEOPLE, as_given

# How many are on each list: enough for the last of them to be far behind those who are looked for.
WIDTH = 200
Ranked = list[tuple[UUID, int]]


def most(books: Books, days: Days, column: str, limit: int) -> list[UUID]:
    """Return the users with the largest sums above zero, the largest first; of equals the lesser id."""
    ranked: Ranked | None = None
    if days.months:
        width = max(WIDTH, 2 * limit)
        lists = _lists(books, days, column, width)
        bound = sum(max(0, each[-1][1]) for each in lists if len(each) == width)
        ranked = _ranked(books, days, column, limit, list({user_id for each in lists for user_id, _ in each}))
        if bound and (len(ranked) < limit or ranked[-1][1] <= bound):
            ranked = None
    if ranked is None:
        ranked = _ranked(books, days, column, limit)
    return [user_id for user_id, _ in ranked]


def _ranked(
    books: Books, days: Days, column: str, limit: int, user_ids: Sequence[UUID] | None = None
) -> Ranked:
    """Return the first of these users, or of all, with their sums."""
    if user_ids == []:
        return []
    where = ANY if user_ids is None else among(user_ids)
    ending = f"ORDER BY 2 DESC, 1 LIMIT {int(limit)}"
    rows = books.sums(PEOPLE, days, (column,), by=("user_id",), where=where, ending=ending)
    return [(row["user_id"], row[column]) for row in rows if row[column] > 0]


def _lists(books: Books, days: Days, column: str, width: int) -> list[Ranked]:
    """Return the first of each whole month, and those of the days around them with what came after the mark."""
    assert days.months
    names, ending = ["user_id", column], f"ORDER BY {column} DESC LIMIT {int(width)}"
    parts: list[Select] = []
    for month in days.months.steps(Granularity.MONTH):
        select = f"SELECT {', '.join(names)} FROM {PEOPLE.tables['month']} WHERE month = %s"  # noqa: S608
        text = f"SELECT '{month}' AS list, {', '.join(names)} FROM ({select} {ending}) AS one"  # noqa: S608
        parts.append((text, [as_given(month)]))
    rest = [books.kept(PEOPLE, "day", each, names) for each in days.rest]
    inner, values = united([*rest, *books.live(PEOPLE, days, names)])
    added = f"SELECT user_id, SUM({column}) AS {column} FROM ({inner}) AS booked GROUP BY user_id {ending}"  # noqa: S608
    parts.append((f"SELECT 'rest' AS list, {', '.join(names)} FROM ({added}) AS one", values))  # noqa: S608
    found: dict[str, Ranked] = defaultdict(list)
    for row in as_rows(*united(parts), names=("list", *names), columns=(column,)):
        found[row["list"]].append((row["user_id"], row[column]))
    return [sorted(each, key=lambda one: -one[1]) for each in found.values()]
