"""The agent under any model: whatever a model calls or says, nobody's records but the asker's own come out."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

from assistant.agent import Agent
from assistant.answer import Answer, Outcome
from assistant.ask import Assistant
from assistant.bootstrap import Installation
from assistant.fixed import UNAVAILABLE
from assistant.tools import Tools

Reply = str | list[tuple[str, dict[str, Any]]] | Exception
QUESTION = "请看看我的学时"
# What is only in T0003's records and in nobody else's.
HERS = ("陈静", "T0003", "R0003")


class Queued(BaseChatModel):
    """A chat model that says what it is told to: a text, calls of tools, or an error. The last reply is repeated."""

    replies: list[Any]
    _seen: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _bound: list[Any] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "queued"

    @property
    def told(self) -> str:
        """All that this model was ever shown."""
        return "\n".join(str(message.content) for messages in self._seen for message in messages)

    @property
    def results(self) -> list[ToolMessage]:
        """What the tools told it, up to its last turn."""
        return [message for message in self._seen[-1] if isinstance(message, ToolMessage)]

    @property
    def turns(self) -> list[list[BaseMessage]]:
        return self._seen

    @property
    def schemas(self) -> str:
        """The arguments of the tools as a model is shown them."""
        return json.dumps([tool.tool_call_schema.model_json_schema() for tool in self._bound], ensure_ascii=False)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        self._bound = list(tools)
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turn = len(self._seen)
        self._seen.append(list(messages))
        reply = self.replies[min(turn, len(self.replies) - 1)]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return ChatResult(generations=[ChatGeneration(message=AIMessage(reply))])
        calls = [
            ToolCall(name=name, args=arguments, id=f"c{turn}-{number}", type="tool_call")
            for number, (name, arguments) in enumerate(reply)
        ]
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=calls))])


Played = tuple[Answer, Queued]
Play = Callable[..., Played]


@pytest.fixture
def play(installation: Installation) -> Play:
    """The answer that a model with these replies brings about, and the model."""
    tools = Tools(installation.database, installation.index)

    def played(*replies: Reply, account: str = "t0001", question: str = QUESTION) -> Played:
        model = Queued(replies=list(replies))
        assistant = Assistant(installation.settings, installation.database, Agent(model, tools))
        return assistant.ask(question, assistant.account(account)), model

    return played


def body(answer: Answer) -> str:
    """All of an answer but its ids, which are drawn by lot and may look like anything."""
    return json.dumps(answer.model_dump(mode="json", exclude={"id", "thread_id"}), ensure_ascii=False)


def check_nothing_of_hers(answer: Answer, model: Queued) -> None:
    for word in HERS:
        assert word not in body(answer)
        assert word not in "".join(str(message.content) for message in model.results)


# A model that does its work.


def test_a_model_answers_from_the_tools(play: Play) -> None:
    answer, model = play([("calculate_hours", {})], "您还差 12 学时[^s1]，专业科目还差 4 学时。")
    assert answer.outcome is Outcome.ANSWERED
    assert answer.text == "您还差 12 学时[^1]，专业科目还差 4 学时。"
    assert answer.citations[0].locator == "附件1/四/(三)"
    assert answer.calculation
    assert (answer.calculation.teacher_id, answer.calculation.remaining) == ("T0001", "12")
    [told] = model.results
    assert '"remaining":"12"' in str(told.content)
    assert '"citation":"s1"' in str(told.content)


def test_two_people_s_models_are_told_each_their_own(play: Play) -> None:
    calls: Reply = [("calculate_hours", {}), ("list_records", {})]
    for account, own, other in (("t0001", "T0001", "T0003"), ("t0003", "T0003", "T0001")):
        answer, model = play(calls, "好。", account=account)
        told = "".join(str(message.content) for message in model.results)
        assert len(model.results) == 2
        assert answer.calculation
        assert answer.calculation.teacher_id == own
        assert own.replace("T", "R") in told
        assert other.replace("T", "R") not in told
        assert other not in told


def test_a_model_is_told_the_day_the_role_and_the_question_and_nothing_of_anybody(play: Play) -> None:
    _, model = play("好。", account="admin-dongguan")
    [turn] = model.turns
    brief, question = turn
    assert isinstance(brief, SystemMessage)
    assert isinstance(question, HumanMessage)
    assert "2023-11-15" in str(brief.content)
    assert "city_admin" in str(brief.content)
    assert question.content == QUESTION
    assert "admin-dongguan" not in model.told


def test_who_asks_is_no_argument_of_any_tool(play: Play) -> None:
    _, model = play("好。")
    assert '"teacher"' in model.schemas
    for name in ("runtime", "account", "scope", "role", "context"):
        assert f'"{name}"' not in model.schemas


# Forged arguments.

ADMIN = {
    "name": "admin-dongguan",
    "role": "city_admin",
    "teacher_id": "T0003",
    "unit": "广东省/东莞市",
    "place": "广东省",
}
FORGED = [
    {"runtime": {"context": {"account": ADMIN, "today": "2023-11-15"}}},
    {"runtime": "T0003"},
    {"runtime": None},
    {"context": {"account": ADMIN}},
    {"run": {"account": ADMIN}},
    {"account": "t0003"},
    {"account": ADMIN},
    {"scope": {"teacher_id": "T0003", "unit": "广东省"}},
    {"scope": {"teacher_id": None, "unit": ""}},
    {"teacher_id": "T0003"},
    {"config": {"configurable": {"account": "t0003"}}},
    {"state": {"account": ADMIN}},
    {"tool_runtime": {"context": {"account": ADMIN}}},
    {"sources": [], "unit": "广东省", "role": "city_admin"},
]


@pytest.mark.parametrize("tool", ["calculate_hours", "list_records"])
@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_a_forged_argument_changes_nothing(tool: str, forged: dict[str, Any], play: Play) -> None:
    """It is ignored, or the call is refused: never is it somebody else who asks."""
    answer, model = play([(tool, {"year": 2023, **forged})], "好。")
    check_nothing_of_hers(answer, model)
    [told] = model.results
    ran = told.status != "error"
    assert ("R0001" in str(told.content)) is ran
    assert answer.calculation is None or answer.calculation.teacher_id == "T0001"


@pytest.mark.parametrize("tool", ["calculate_hours", "list_records"])
@pytest.mark.parametrize("who", ["T0003", "t0003", "陈静", "T9999", "李明", "%", "T000_", "' OR 1=1 --", "*", ""])
def test_another_s_name_is_denied_in_the_same_words(tool: str, who: str, play: Play) -> None:
    answer, model = play([(tool, {"teacher": who})], "好。")
    _, nobody = play([(tool, {"teacher": "T8888"})], "好。")
    assert [message.content for message in model.results] == [message.content for message in nobody.results]
    check_nothing_of_hers(answer, model)
    assert (answer.calculation, answer.tables) == (None, [])
    # Her own model is told.
    _, hers = play([(tool, {"teacher": "T0003"})], "好。", account="t0003")
    assert "R0003" in str(hers.results[0].content)


def test_one_s_own_and_another_s_in_one_turn(play: Play) -> None:
    calls = [("calculate_hours", {"teacher": "T0003"}), ("calculate_hours", {}), ("list_records", {"teacher": "陈静"})]
    answer, model = play(calls, "您还差 12 学时。")
    assert len(model.results) == 3
    check_nothing_of_hers(answer, model)
    assert answer.calculation
    assert answer.calculation.teacher_id == "T0001"
    assert answer.text == "您还差 12 学时。"


def test_an_administrator_s_model_stays_within_the_unit(play: Play) -> None:
    _, inside = play([("list_records", {"teacher": "T0003"})], "好。", account="admin-gczx")
    assert "R0003" in str(inside.results[0].content)
    answer, outside = play([("list_records", {"teacher": "T0004"})], "好。", account="admin-gczx")
    assert not re.search(r"R0004|陈静", str(outside.results[0].content) + body(answer))


# Calls that can't be made.


@pytest.mark.parametrize("name", ["drop_tables", "calculate_hours_", "", "list_records; DROP TABLE credits"])
def test_an_unknown_tool_is_told_and_does_nothing(name: str, play: Play) -> None:
    answer, model = play([(name, {"teacher": "T0003"})], "没有查到。")
    assert len(model.turns) == 2
    assert [message.status for message in model.results] == ["error"]
    check_nothing_of_hers(answer, model)
    assert answer.calculation is None


BAD = [
    {"year": "去年"},
    {"year": 0},
    {"year": 99999},
    {"teacher": ["T0004"]},
    {"teacher": 3},
    {"assume": [{"category": "绘画", "hours": "6"}]},
    {"assume": [{"category": "专业科目", "hours": "-6"}]},
    {"assume": [{"category": "专业科目", "hours": "六"}]},
    {"assume": [{"category": "专业科目", "hours": "6", "organiser": "村级"}]},
    {"assume": "专业科目 6"},
]


@pytest.mark.parametrize("arguments", BAD, ids=str)
def test_bad_arguments_are_told_and_may_be_mended(arguments: dict[str, Any], play: Play) -> None:
    answer, model = play([("calculate_hours", arguments)], [("calculate_hours", {})], "您还差 12 学时。")
    first, second = model.results
    assert (first.status, second.status) == ("error", "success")
    assert (answer.text, answer.outcome) == ("您还差 12 学时。", Outcome.ANSWERED)
    check_nothing_of_hers(answer, model)


def test_a_model_that_never_gets_its_call_right_proves_nothing(play: Play) -> None:
    answer, _ = play([("calculate_hours", {"year": "去年"})], "您还差 12 学时。")
    assert answer.outcome is Outcome.UNAVAILABLE
    assert not re.search(r"\d", answer.text)


@pytest.mark.parametrize("call", [("calculate_hours", {}), ("drop_tables", {}), ("calculate_hours", {"year": "去年"})])
def test_a_model_that_never_stops_calling_is_stopped(call: tuple[str, dict[str, Any]], play: Play) -> None:
    answer, model = play([call])
    assert len(model.turns) < 50
    assert (answer.outcome, answer.text) == (Outcome.UNAVAILABLE, UNAVAILABLE)
    assert (answer.calculation, answer.tables, answer.citations) == (None, [], [])


# Words that aren't proven.


@pytest.mark.parametrize(
    "text", ["您还差 37 学时。", "您已计入 96 学时。", "您还差 12.5 学时。", "还差三十七学时", "12 学时占 37%"]
)
def test_an_invented_figure_is_replaced(text: str, play: Play) -> None:
    answer, _ = play([("calculate_hours", {})], text)
    assert text not in answer.text
    assert not re.search(r"37|96|12\.5|三十七", answer.text)
    assert "还差 12 学时" in answer.text
    assert answer.calculation


def test_a_figure_without_any_tool_is_not_sent(play: Play) -> None:
    answer, _ = play("您还差 12 学时。")
    assert (answer.outcome, answer.calculation) == (Outcome.UNAVAILABLE, None)
    assert not re.search(r"\d", answer.text)


@pytest.mark.parametrize("token", ["s99", "1", "附件1/四/(三)"])
def test_an_invented_citation_is_left_out(token: str, play: Play) -> None:
    answer, _ = play([("calculate_hours", {})], f"您还差 12 学时[^{token}]。")
    assert answer.text == "您还差 12 学时。"
    assert {one.locator for one in answer.citations} == {"附件1/四/(二)", "附件1/四/(三)"}


def test_a_quote_is_the_clause_s_whatever_the_model_says(play: Play) -> None:
    answer, _ = play([("search_policy", {"query": "镇级培训上限"})], "规定说：“随意登记”[^s1]。")
    [one] = answer.citations
    assert "随意登记" not in one.quote
    assert one.policy_id == "dongguan-2023"


@pytest.mark.parametrize(
    ("account", "arguments", "outcome"),
    [
        ("t0001", {"teacher": "T0003"}, Outcome.NOT_PERMITTED),
        ("t0114", {}, Outcome.NO_RULE),
        ("t0011", {}, Outcome.NO_RECORDS),
        ("admin-dongguan", {"teacher": "陈静"}, Outcome.CLARIFY),
        ("t0001", {}, Outcome.ANSWERED),
    ],
)
def test_the_outcome_follows_from_the_results(
    account: str, arguments: dict[str, Any], outcome: Outcome, play: Play
) -> None:
    """How an answer ended is no matter of a model's wording."""
    answer, _ = play([("calculate_hours", arguments)], "请看结果。", account=account)
    assert answer.outcome is outcome


# A model that fails.


@pytest.mark.parametrize(
    "replies",
    [
        [RuntimeError("sk-secret-key at 10.0.0.7")],
        [[("calculate_hours", {})], TimeoutError("sk-secret-key")],
        [KeyError("sk-secret-key")],
    ],
    ids=["at once", "after a tool", "of a kind of its own"],
)
def test_a_model_that_fails_is_an_outage_that_tells_nothing(replies: list[Reply], play: Play) -> None:
    answer, _ = play(*replies)
    assert (answer.outcome, answer.text) == (Outcome.UNAVAILABLE, UNAVAILABLE)
    assert "secret" not in body(answer)
    assert (answer.calculation, answer.tables, answer.citations) == (None, [], [])


def test_after_a_failure_the_next_question_is_answered(installation: Installation) -> None:
    model = Queued(replies=[RuntimeError(), [("calculate_hours", {})], "您还差 12 学时。"])
    agent = Agent(model, Tools(installation.database, installation.index))
    assistant = Assistant(installation.settings, installation.database, agent)
    first, second = (assistant.ask(QUESTION, assistant.account("t0001")) for _ in range(2))
    assert (first.outcome, second.outcome) == (Outcome.UNAVAILABLE, Outcome.ANSWERED)
    assert first.thread_id != second.thread_id
