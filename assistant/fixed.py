"""Fixed wordings: what is said when a draft could not be proven. Read off the results, one plain sentence each."""

from collections.abc import Sequence

from assistant.answer import Outcome
from assistant.draft import Draft
from assistant.results import Clauses, Denied, Hours, Namesakes, NotATeacher, Records, Result, Rows

UNAVAILABLE = "系统的一部分暂时不可用，没有作答，以免给出错误的数字。请稍后再试。"
UNPROVEN = "没有得到可以核实的答案，因此不作答。请换一种问法，或向学校管理员咨询。"

DENIED = (
    "只能查看您本人的学时记录；管理员只能查看本单位及下属单位的教师。"
    "这一问涉及的记录不在您可以查看的范围内，因此不能回答。"
)


def wording(results: Sequence[Result]) -> Draft:
    """A draft that says no more than the first result that can be told."""
    for result in results:
        match result:
            case Denied():
                return Draft(DENIED, Outcome.NOT_PERMITTED)
            case Namesakes() | NotATeacher():
                return Draft("请写出要查询的教师编号。", Outcome.CLARIFY)
            case Hours(calculation=made) if made is not None:
                text = f"核算期间 {made.from_} 至 {made.to}：要求 {made.required} 学时，已计入 {made.counted} 学时，"
                outcome = Outcome.ANSWERED if result.records else Outcome.NO_RECORDS
                return Draft(f"{text}还差 {made.remaining} 学时。", outcome)
            case Hours():
                return Draft("政策库中没有适用于您所在地区的学时规定，不会套用其他地方的规定。", Outcome.NO_RULE)
            case Clauses(found=[first, *_]):
                return Draft(f"最相关的条款：“{first.quote}”[^{first.token}]", Outcome.ANSWERED)
            case Records(records=[_, *_]):
                return Draft("查到了所问的记录，但其中的数字没有全部核实，请到登记系统查看明细。", Outcome.ANSWERED)
            case Records():
                return Draft("没有查到所问的记录。", Outcome.ANSWERED if result.any_in_period else Outcome.NO_RECORDS)
            case Rows(rows=[_, *_]):
                return Draft(f"在您可以查看的范围内查到的列在下面。[^{result.token}]", Outcome.ANSWERED)
            case Rows():
                return Draft("在您可以查看的范围内没有查到符合条件的数据。", Outcome.ANSWERED)
    return Draft(UNPROVEN, Outcome.UNAVAILABLE)
