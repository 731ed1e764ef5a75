"""Records of one training that came under different numbers, most often from two sources: told, and loaded."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from assistant.store.loading import Row, Stored, Value
from ingest.spool import Hashes, among, in_order, recurring
from ingest.table import show
from ingest.validate import Sheet, training

_SHOWN = 20


class Twins:
    """Pairs of records of the same teacher, title, date and hours, found while the rows go by."""

    def __init__(self, sheets: Sequence[Sheet], stored: Stored) -> None:
        """`sheets`: all of the call, sound ones only; `stored`: as it was before the call."""
        trainings = in_order(sheet.trainings for sheet in sheets)
        self._numbers = _stored_alike(sheets, trainings, stored)  # of each training that may be one of several
        alike = array("q", map(hash, self._numbers))
        self._suspects = np.sort(np.concatenate([recurring(trainings), alike]))
        self._seen, self._pairs = Counter[str](), Counter[str]()
        self._shown = defaultdict[str, list[str]](list)

    def see(self, sheet: Sheet, rows: Sequence[Row]) -> None:
        """Look at the next rows of a sheet."""
        file = sheet.table.file
        hashes = sheet.trainings[self._seen[file] : self._seen[file] + len(rows)]
        self._seen[file] += len(rows)
        for place in np.flatnonzero(among(self._suspects, hashes)).tolist():
            number, earlier = rows[place][0], self._numbers[training(rows[place])]
            if earlier:
                self._pairs[file] += 1
                if len(self._shown[file]) < _SHOWN:
                    self._shown[file].append(f"{show(str(earlier[0]))} 与 {show(str(number))}")
            earlier.append(number)

    def warning(self, sheet: Sheet) -> str | None:
        """A line that names the pairs that were seen in a sheet; None: there were none."""
        count, shown = self._pairs[sheet.table.file], "；".join(self._shown[sheet.table.file])
        more = f" 等，共 {count} 对" if count > _SHOWN else ""
        what = "教师、项目名称、完成日期、学时都相同而编号不同，可能是重复的记录，已照常导入"
        return f"{what}：{shown}{more}。" if count else None


def _stored_alike(sheets: Sequence[Sheet], trainings: Hashes, stored: Stored) -> defaultdict[Row, list[Value]]:
    """Training → numbers of the stored records of it that are not in the call; of trainings in the call."""
    alike = defaultdict[Row, list[Value]](list)
    given = [sheet for sheet in sheets if sheet.table.kind == "credits"]
    if given and not stored.is_empty("credits"):
        keys = in_order(sheet.keys for sheet in given)
        for rows in stored.credits_of(set[Value]().union(*(sheet.wanted["teacher_id"] for sheet in given))):
            same = array("q", (hash(training(row)) for row in rows))
            # A record that the call gives again counts as it stands there.
            told = among(trainings, same) & ~among(keys, array("q", (hash(row[:1]) for row in rows)))
            for place in np.flatnonzero(told).tolist():
                alike[training(rows[place])].append(rows[place][0])
    return alike
