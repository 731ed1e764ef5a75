"""What a policy says, in its own words; or that the corpus doesn't say."""

from assistant.answer import Outcome
from assistant.draft import Draft
from assistant.planner.evidence import answering, needs_attachment
from assistant.planner.read import Reading
from assistant.planner.say.common import foreign, mark, place_name, usual
from assistant.planner.words import subject
from assistant.results import Clauses


def answered(reading: Reading, result: Clauses) -> Draft:
    """The clause that answers, or that none does."""
    about_hours = any(word in reading.question for word in ("学时", "课时", "学分"))
    best = answering(reading, result.found)
    elsewhere = bool(best and result.absent and needs_attachment(reading, best))
    if best is None or elsewhere:
        if about_hours and not result.hour_rule and (not result.found or not subject(reading.question)):
            text = f"政策库中没有适用于{place_name(result.place)}的学时规定，也不会套用其他地方的规定。"
            return Draft(text, Outcome.NO_RULE, suggestions=usual())
        if not reading.domain and not elsewhere:
            return foreign()
        text = "政策库里没有找到能回答这个问题的条款，不作推测。"
        if result.absent:
            text += f"有关的附件没有收录在本库：“{result.absent.quote}”{mark(result.absent.token)}"
        if result.contact:
            text += f"政策写明的咨询部门：“{result.contact.quote}”{mark(result.contact.token)}"
        return Draft(text, Outcome.NO_EVIDENCE, suggestions=usual())
    number = f"（{best.policy.number}）" if best.policy.number else ""
    kind = "（本库摘要）" if best.clause.kind == "digest" else ""
    text = f"《{best.policy.title}》{number}{best.clause.locator}{kind}：“{best.quote}”{mark(best.token)}"
    if best.ended:
        text += "该政策的有效期已经结束，政策库中没有查到后续规定，是否仍然执行请向发文机关核实。"
    return Draft(text, Outcome.ANSWERED, suggestions=["我今年还差多少学时？", "我有哪些待审核的记录？"])
