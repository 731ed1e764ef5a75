"""Questions and reading at scale: corpora of notices made up for it, against bare Chroma and fixed-size chunks.

Each kind of work runs in processes of its own, `python -m evals.bench.corpus <kind> <folder>`, so that memory is its.
"""

import csv
import itertools
import json
import math
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from assistant.retrieval import search as searching
from assistant.retrieval.chroma import Chroma
from assistant.retrieval.index import Index, open_stores
from assistant.retrieval.search import search, sentences
from assistant.settings import SHIPPED_CORPUS, Settings
from assistant.store import policies
from assistant.store.database import Database
from evals.bench.measure import peak, row, side_by_side, table
from ingest.corpus import read_corpora
from ingest.policies import ingest_originals
from ingest.records import load_records

SIZES = (100, 10_000)  # notices
PER_PLACE = 2
CLAUSES, SENTENCES = 10, 4  # of a notice, of a clause
SEED = 2023
TODAY = date(2023, 11, 15)
ROUNDS = 200
FIRST = 20  # places asked for the first time
CHUNK, OVERLAP = 1000, 200  # characters, a usual setting of LangChain's splitter
BATCH = 5000  # chunks that go into Chroma at a time
READ_AT_LEAST = 500  # notices: of fewer, reading is timed several times
NEAREST = searching._NEAREST
BARE = "bare Chroma query, embedding included"
_QUESTIONS = Path(__file__).parent.parent / "questions" / "tuning.yaml"
_LETTERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"  # three of them are the name of no place
_NUMBERS = "一二三四五六七八九十"

Told = dict[str, float]


class Notice(NamedTuple):
    """A notice made up, and the place that it is of."""

    unit: str
    text: str


def main() -> None:
    """Run each kind of work over each size, and print what it took."""
    read: dict[tuple[str, int], list[Told]] = {}
    asked: dict[int, Told] = {}
    bare: dict[int, Told] = {}
    for size in SIZES:
        for number in range(max(1, READ_AT_LEAST // size)):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), size)
                for kind in ("read", "chunk") if number % 2 else ("chunk", "read"):
                    read.setdefault((kind, size), []).append(apart(kind, folder))
                if not number:
                    asked[size], bare[size] = apart("ask", folder), apart("ask_chroma", folder)
    show_asked(asked, bare)
    show_read(read)


def show_asked(asked: dict[int, Told], bare: dict[int, Told]) -> None:
    """What a question takes."""
    columns = [cell for size in SIZES for cell in (f"{size:,} notices", "÷ bare Chroma")]
    table("One question", "to the policies of a place and those above it; medians", columns)
    for name in [name for name in asked[SIZES[0]] if name != "memory"]:
        pairs = ((asked[size][name], asked[size][BARE]) for size in SIZES)
        row(name, *(cell for one, chroma in pairs for cell in (f"{one * 1e3:.2f} ms", f"{one / chroma:.2f}")))
    memory = ((asked[size]["memory"], bare[size]["memory"]) for size in SIZES)
    cells = (cell for ours, theirs in memory for cell in (f"{ours:.0f} MB", f"{ours / theirs:.2f}"))
    row("memory at its peak, of a process that only asks", *cells)


def show_read(read: dict[tuple[str, int], list[Told]]) -> None:
    """What reading takes."""
    columns = ["characters a second", "÷ chunks", "seconds", "memory at its peak"]
    table("Reading", "files into an index, one by one", columns)
    names = {
        "chunk": f"chunks of {CHUNK}/{OVERLAP}, embedded, into Chroma",
        "read": "neutralised, repaired, split, embedded, into Chroma and SQL",
    }
    for size, (kind, name) in itertools.product(SIZES, names.items()):
        speed = {
            one: statistics.median(told["characters"] / told["seconds"] for told in read[one, size]) for one in names
        }
        seconds, memory = (statistics.median(told[what] for told in read[kind, size]) for what in ("seconds", "memory"))
        shares = f"{speed[kind]:,.0f}", f"{speed[kind] / speed['chunk']:.2f}", f"{seconds:.1f}", f"{memory:.0f} MB"
        row(f"{size:,} notices, {name}", *shares)


def apart(kind: str, folder: str) -> Told:
    """What a kind of work tells of itself, run in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, kind, folder]
    return cast(Told, json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def write(folder: Path, size: int) -> None:
    """Notices as files, and their places as a record file."""
    (folder / "notices").mkdir()
    made = list(notices(size))
    for number, notice in enumerate(made):
        (folder / "notices" / f"notice-{number}.txt").write_text(notice.text, "utf-8")
    with (folder / "units.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unit", "level"])
        for unit in dict.fromkeys(notice.unit for notice in made):
            writer.writerow([unit, ("province", "city", "county")[unit.count("/")]])


def notices(size: int) -> Iterator[Notice]:
    """As many notices: sentences of the corpus, shuffled, with other figures."""
    rng = random.Random(SEED)
    clauses = [clause for entry in read_corpora([SHIPPED_CORPUS]) for clause in entry.policy.clauses if clause.text]
    headings = [clause.heading for clause in clauses if clause.heading]
    said = [sentence.strip() for clause in clauses for sentence in sentences(clause.text) if sentence.strip()]
    units = places(math.ceil(size / PER_PLACE))

    def figured(text: str) -> str:
        return re.sub(r"\d", lambda _: str(rng.randint(1, 9)), text)

    for number in range(size):
        unit = units[number // PER_PLACE]
        name = unit.rsplit("/", 1)[-1]
        lines = [f"{name}教育局关于2023年第{number + 1}期教师培训的通知", f"{name[:-1]}教〔2023〕{number % 9999 + 1}号"]
        lines += ["各中小学、幼儿园："]
        for numeral, heading in zip(_NUMBERS, rng.sample(headings, CLAUSES), strict=True):
            lines += [f"{numeral}、{heading}", figured("".join(rng.sample(said, SENTENCES)))]
        yield Notice(unit, "\n".join([*lines, f"{name}教育局", "2023年3月1日"]))


def places(number: int) -> list[str]:
    """Paths of as many places on three levels, of which each but the lowest has about as many below it."""
    below = next(width for width in itertools.count(1) if width + width**2 + width**3 >= number)
    paths = list[str]()
    for at, letters in zip(range(number), itertools.product(_LETTERS, repeat=3), strict=False):
        above = paths[at // below - 1] if at >= below else ""
        level = above.count("/") + 1 if above else 0
        paths.append(f"{above}/{''.join(letters)}{'省市区'[level]}".lstrip("/"))
    return paths


def stores(folder: Path, home: str) -> tuple[Database, Index]:
    """The stores of a home, opened and warm."""
    database, index = open_stores(Settings.model_construct(home=folder / home))
    index.open()
    index.embedder.embed(["学时"])
    return database, index


def bare(index: Index) -> Any:
    """Chroma's collection behind an index."""
    store = index._store
    assert isinstance(store, Chroma)
    return store._collection


def read(folder: Path) -> Told:
    """Originals as `xueshi ingest policies` reads them."""
    database, index = stores(folder, "home")
    load_records(database, [folder / "units.csv"], TODAY)
    start = time.perf_counter()
    reports, problems = ingest_originals(database, index, [SHIPPED_CORPUS], [folder / "notices"])
    seconds = time.perf_counter() - start
    index.close()
    assert not problems
    assert all(report.changed and report.clauses >= CLAUSES for report in reports)
    return {"seconds": seconds, "characters": characters(folder)}


def chunk(folder: Path) -> Told:
    """The same files cut by length and put into a collection like ours, texts included, in large batches."""
    # Imported here, so that it takes no memory of the rest.
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    _, index = stores(folder, "chunks")
    collection, splitter = bare(index), RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP)
    start = time.perf_counter()
    pieces = (
        (f"{path.stem}#{number}", text)
        for path in sorted((folder / "notices").iterdir())
        for number, text in enumerate(splitter.split_text(path.read_text("utf-8")))
    )
    while batch := list(itertools.islice(pieces, BATCH)):
        keys, texts = [key for key, _ in batch], [text for _, text in batch]
        sources: list[Any] = [{"source": key.partition("#")[0]} for key in keys]
        collection.add(ids=keys, embeddings=index.embedder.embed(texts), metadatas=sources, documents=texts)
    seconds = time.perf_counter() - start
    index.close()
    return {"seconds": seconds, "characters": characters(folder)}


def characters(folder: Path) -> int:
    """How many there were to read."""
    return sum(len(path.read_text("utf-8")) for path in (folder / "notices").iterdir())


def questions() -> Iterator[str]:
    """Questions as people ask them, again and again."""
    asked = yaml.safe_load(_QUESTIONS.read_text("utf-8"))
    return itertools.cycle([text for places in asked.values() for texts in places.values() for text in texts])


def ask(folder: Path) -> Told:
    """Questions through search(), and what of that Chroma takes."""
    database, index = stores(folder, "home")
    with database.read() as connection:
        metas = policies.metas(connection)
    units = list(dict.fromkeys(meta.unit for meta in sorted(metas, key=lambda meta: meta.unit.count("/"))))
    place = units.pop()
    chain = [meta.id for meta in metas if f"{place}/".startswith(f"{meta.unit}/")]

    def searched(at: str, texts: Iterator[str]) -> Callable[[], object]:
        def once() -> object:
            with database.read() as connection:
                return search(connection, index, next(texts), at, today=TODAY)

        return once

    def embedded(texts: Iterator[str]) -> Callable[[], object]:
        return lambda: index.embedder.embed([next(texts)])

    work = {
        "embedding": embedded(questions()),
        BARE: chroma(index, questions()),
        "the same, of the place's policies only": chroma(index, questions(), chain),
        "search()": searched(place, questions()),
    }
    side_by_side(list(work.values()), 1)
    told = dict(zip(work, side_by_side(list(work.values()), ROUNDS), strict=True))
    anew = questions()
    strangers = [side_by_side([searched(unit, anew)], 1)[0] for unit in units[-FIRST:]]
    index.close()
    return {**told, "search(), a place's first question": statistics.median(strangers)}


def ask_chroma(folder: Path) -> Told:
    """The same questions to Chroma alone."""
    _, index = stores(folder, "home")
    side_by_side([chroma(index, questions())], ROUNDS)
    index.close()
    return {}


def chroma(index: Index, texts: Iterator[str], policy_ids: Sequence[str] | None = None) -> Callable[[], object]:
    """A bare query of the collection, of all or of some policies."""
    collection = bare(index)
    where: Any = policy_ids and {"policy_id": {"$in": [*policy_ids]}}

    def once() -> object:
        vector = index.embedder.embed([next(texts)])
        return collection.query(query_embeddings=vector, n_results=NEAREST, where=where, include=["distances"])

    return once


if __name__ == "__main__":
    done = {"read": read, "chunk": chunk, "ask": ask, "ask_chroma": ask_chroma}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({**done, "memory": peak()}))
