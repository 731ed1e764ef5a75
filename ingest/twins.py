"""Records of one training that came under different numbers, most often from two sources: told, and loaded."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from assistant.store.loading import Row, Stored, Value
from ingest.spool import recurring
from ingest.table import show
from ingest.validate import Sheet, training

_SHOWN = 20
_Bools = np.ndarray[tuple[int], np.dtype[np.bool]]


def twin_warnings(sheets: Sequence[Sheet], stored: Stored) -> dict[str, str]:
    """File → a line that names the pairs of records of the same teacher, title, date and hours. Sound sheets only."""
    given = [sheet for sheet in sheets if sheet.table.kind == "credits"]
    others = _stored_alike(given, stored)
    suspects = recurring(sheet.trainings for sheet in given) | {hash(same) for same in others}
    warnings = {}
    for sheet in given if suspects else ():
        pairs = list[str]()
        count = 0
        for _, row in sheet.rows:
            same = training(row)
            if same is None or hash(same) not in suspects:
                continue
            if earlier := others[same]:
                count += 1
                if count <= _SHOWN:
                    pairs.append(f"{show(str(earlier[0]))} 与 {show(str(row[0]))}")
            earlier.append(row[0])
        if count:
            more = f" 等，共 {count} 对" if count > _SHOWN else ""
            what = "教师、项目名称、完成日期、学时都相同而编号不同，可能是重复的记录，已照常导入"
            warnings[sheet.table.file] = f"{what}：{'；'.join(pairs)}{more}。"
    return warnings


def _stored_alike(given: Sequence[Sheet], stored: Stored) -> defaultdict[Row, list[Value]]:
    """Training → numbers of the stored records of it that are not in the call; of trainings in the call."""
    alike = defaultdict[Row, list[Value]](list)
    if given and not stored.is_empty("credits"):
        trainings, keys = _Hashes(sheet.trainings for sheet in given), _Hashes(sheet.keys for sheet in given)
        for rows in stored.credits_of(set[Value]().union(*(sheet.wanted["teacher_id"] for sheet in given))):
            # A record that the call gives again counts as it stands there.
            same = [(known, row) for row in rows if (known := training(row))]
            told = trainings.hold(hash(known) for known, _ in same) & ~keys.hold(hash(row[:1]) for _, row in same)
            for place in np.flatnonzero(told).tolist():
                known, row = same[place]
                alike[known].append(row[0])
    return alike


class _Hashes:
    """Many hashes in little space."""

    def __init__(self, hashes: Iterable["array[int]"]) -> None:
        self._sorted = np.unique(np.concatenate([np.asarray(some, np.int64) for some in hashes]))

    def hold(self, values: Iterable[int]) -> _Bools:
        """Which of these are among them."""
        asked = np.fromiter(values, np.int64)
        if not len(self._sorted):
            return np.zeros(len(asked), np.bool)
        places = np.searchsorted(self._sorted, asked)
        found: _Bools = np.equal(self._sorted[np.minimum(places, len(self._sorted) - 1)], asked)
        return found
