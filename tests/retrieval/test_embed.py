"""The shipped model read lightly gives what sentence-transformers gives; other models load through it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SettingsError
from assistant.retrieval.embed import SHIPPED, load_embedder

TEXTS = [
    "一年要修够多少学时？",
    "专业科目不少于42学时，其中镇级培训一年最多登记12学时。",
    "",
    " \n\t",
    "How many hours a year? AI+教师 ２０２３年 ③ ½",
    "犇骉鱻龘彧囍",
    "東莞市教師繼續教育學時",
    "🙂👩‍🏫 é ñ ก 한국어 \u200b",
    "<unk>",
    "……！！？？",
    "把培训经费专款专用的规定再说一遍。" * 300,
]
EMBEDDER = load_embedder(None)


def test_the_light_reader_equals_sentence_transformers():
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(SHIPPED), device="cpu").encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(EMBEDDER.embed(TEXTS), expected, rtol=0, atol=1e-5)


def test_the_default_imports_nothing_heavy():
    code = (
        "import sys; from assistant.retrieval.embed import load_embedder; load_embedder(None).embed(['学时']);"
        "print({'torch', 'transformers', 'sentence_transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")


def test_a_path_loads_through_sentence_transformers():
    other = load_embedder(str(SHIPPED))
    assert type(other) is not type(EMBEDDER)
    assert (other.dimensions, other.fingerprint) == (EMBEDDER.dimensions, EMBEDDER.fingerprint)
    np.testing.assert_allclose(other.embed(TEXTS), EMBEDDER.embed(TEXTS), rtol=0, atol=1e-5)
    assert other.embed([]).shape == (0, other.dimensions)


@pytest.mark.parametrize("model", ["nobody/no-such-model", "/nowhere/at/all", __file__])
def test_a_model_that_cannot_be_loaded_is_one_clear_line(model: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # it may be imported already
    with pytest.raises(SettingsError) as caught:
        load_embedder(model)
    line = str(caught.value)
    assert "XUESHI_EMBEDDING_MODEL" in line
    assert model in line
    assert "\n" not in line
    assert caught.value.__suppress_context__


def test_without_sentence_transformers_the_line_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SettingsError, match=r"XUESHI_EMBEDDING_MODEL.*pip install 'xueshi\[embedding\]'"):
        load_embedder("BAAI/bge-small-zh-v1.5")


def test_lone_surrogates_do_no_harm():
    np.testing.assert_array_equal(EMBEDDER.embed(["学时\ud800"]), EMBEDDER.embed(["学时?"]))


def test_no_text_no_row():
    assert EMBEDDER.embed([]).shape == (0, EMBEDDER.dimensions)


@given(st.lists(st.text(st.characters()), max_size=5))
def test_any_text_gives_a_finite_row_of_length_1_or_0(texts: list[str]):
    rows = EMBEDDER.embed(texts)
    lengths = np.linalg.norm(rows, axis=1)
    assert rows.dtype == np.float32
    assert rows.shape == (len(texts), EMBEDDER.dimensions)
    assert np.isfinite(rows).all()
    assert all(length == 0 or abs(length - 1) < 1e-5 for length in lengths)


def test_a_question_is_nearer_to_its_clause_than_to_another():
    question, right, wrong = EMBEDDER.embed(
        [
            "学校让老师自己掏腰包合理吗",
            "应由学校承担的培训经费，不得让教师个人分摊。",
            "假期研修：各单位要组织好暑期研修和寒假研修，提供技术支持。",
        ]
    )
    assert question @ right > question @ wrong


def test_the_shipped_model_stays_small():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) <= 8_000_000
