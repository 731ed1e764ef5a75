"""What the drawn part of the sample is made of: courses, subjects, names, and what kinds of year teachers have."""

from datetime import date
from typing import NamedTuple


class Kind(NamedTuple):
    category: str
    organisers: str  # one is drawn; named twice, it is drawn twice as often
    sessions: str  # the hours of single courses, where a total is split


KINDS = {
    "公需": Kind("公需科目", "省级 省级 国家级 市级", "18 12 10 6"),
    "镇公需": Kind("公需科目", "镇级", "8 6 4"),
    "国培": Kind("专业科目", "国家级", "30 24 16"),
    "省培": Kind("专业科目", "省级", "12 8 6"),
    "市培": Kind("专业科目", "市级", "12 10 8 6.5"),
    "镇培": Kind("专业科目", "镇级", "6 4.5 4 3"),
    "教研": Kind("专业科目", "市教研室", "4 3 2 1.25"),
    "校本": Kind("个人选修科目", "校级", "8 6 4 3"),
}
# {} is the teacher's subject. A kind has more titles than anyone takes courses of it in a year.
TITLES = {
    "公需": """
        学习贯彻党的二十大精神专题网络研修 新时代师德师风全员网络研修 法治教育全员网络研修
        心理健康与家庭教育公需课 人工智能与教育变革公需课 生态文明建设公需课 教育数字化转型公需课
    """,
    "镇公需": "镇级师德师风全员培训 镇级法治教育全员培训 镇级党的二十大精神宣讲",
    "国培": """
        国培计划骨干教师{}能力提升研修 国培计划{}工作坊研修 国培计划{}送教下乡培训
        国培计划乡村教师访名校研修 国培计划教师信息技术应用能力研修
    """,
    "省培": "省级骨干教师{}提升研修 省级{}名师工作室跟岗学习 省级班主任能力提升研修 省级{}教学改革专项研修",
    "市培": """
        义务教育新课标{}学科培训 市级{}骨干教师培训 双减背景下{}作业设计网络研修 市级{}名师工作室专题研修
        {}大单元教学设计专题培训 课后服务与{}拓展课程培训 市级班主任能力提升培训 教师信息素养提升实践专题培训
    """,
    "镇培": """
        镇级{}教学专题培训 镇级{}骨干教师研修 镇级{}新课标专题培训 镇级{}命题与评价培训
        镇级青年教师课堂教学能力培训 镇级班主任专题培训 镇级作业设计专题培训 镇级教育信息化应用培训
    """,
    "教研": """
        市教研室{}教研活动 市教研室{}新课标研读活动 市教研室{}优质课观摩 市教研室{}教学质量分析会
        市教研室{}命题研讨活动 市教研室{}课题研讨活动
    """,
    "校本": """
        校本研修：作业设计 校本研修：集体备课 校本研修：课例研讨 校本研修：新课标研读 校本研修：课堂观察
        校本研修：班级管理 校本研修：心理健康教育 校本研修：信息技术与教学融合 校本研修：家校沟通
    """,
}
# A course about something can't be older than the thing.
NOT_BEFORE = {"双减": date(2021, 8, 1), "新课标": date(2022, 5, 1), "二十大": date(2022, 10, 24)}

SUBJECTS = {
    "小学": "语文 语文 语文 数学 数学 英语 科学 体育 音乐 美术 道德与法治 信息科技",
    "初中": "语文 语文 数学 数学 英语 英语 物理 化学 生物学 历史 地理 道德与法治 体育与健康",
}
SURNAMES = """
    陈 梁 黄 李 袁 叶 黎 卢 邓 钟 莫 尹 翟 王 张 刘 何 方 罗 谢
    苏 温 香 祁 万 郑 冯 朱 韩 曾 徐 孙 邝 蔡 彭 潘 石 杜 范 丁
"""
GIVEN_NAMES = """
    婉婷 志远 美玲 建华 晓彤 家豪 丽娟 伟明 雅雯 俊杰 惠芳 文斌 嘉宜 国辉 秀云 子健 敏 永康 思颖 海涛
    燕珊 振宇 洁莹 锦添 晓东 倩 少芬 浩然 翠萍 立新 梦琪 景行 淑仪 耀文 佩珊 春梅 健聪 绮雯 德胜 若楠
    宏达 慧 树根 咏诗 卫平 霞 启航 玉珍 泽林 琳
"""

# Plans (see `generate`) and how often each is drawn; a place has odds for 2023, 2022 and 2021.
Odds = dict[str, int]
YearsOdds = tuple[Odds, Odds, Odds]
NOTHING: Odds = {"": 1}
# All of Dongguan's minima: 90 hours = 公需科目 30 + 专业科目 42 + 个人选修科目 18.
FULL_YEAR = "公需 30-34, 市培 24-30, 省培 6-12, 镇培 6-12, 教研 3+3, 校本 18-22"
DONGGUAN_2023: Odds = {
    FULL_YEAR: 28,
    "公需 30, 市培 36-44, 镇培 6-10, 校本 18-20": 14,
    "公需 30-34, 市培 36-40, 镇培 6-8, 校本 18-22, 市培 4 待审核": 10,
    "公需 30-36, 市培 38-42, 教研 4-6, 校本 18-24, 市培 8 已驳回": 8,
    # Above the cap on 镇级, on 市教研室, on both, and met all the same.
    "公需 30-32, 市培 30-36, 镇培 13-20, 校本 18-22": 6,
    "公需 30-34, 市培 36-40, 教研 7-10, 校本 18-20": 4,
    "公需 30-34, 市培 24-30, 镇培 13-18, 教研 7-10, 校本 18-20": 4,
    # Short of one category: 公需科目, 专业科目, 个人选修科目, 专业科目 by the caps alone.
    "公需 12-26, 市培 36-42, 镇培 6-12, 校本 18-22, 公需 6 待审核": 8,
    "公需 30-34, 市培 12-24, 镇培 4-8, 教研 2-6, 校本 18-20": 5,
    "公需 30-38, 市培 36-44, 镇培 6-10, 校本 6-16": 6,
    "公需 30-34, 市培 14-18, 镇培 18-24, 教研 7-9, 校本 18-22": 5,
    # Short of several.
    "公需 12-24, 市培 16-24, 镇培 4-10, 校本 6-14, 校本 3 待审核": 5,
    "公需 6-18, 市培 8-16, 校本 4-10, 市培 8 已驳回": 4,
}
DONGGUAN_2022: Odds = {FULL_YEAR: 3, "公需 18-30, 市培 24-36, 镇培 4-10, 校本 12-20, 校本 4 已驳回": 1}
DONGGUAN: YearsOdds = (DONGGUAN_2023, DONGGUAN_2022, NOTHING)
# 360 hours in the five years from 2021: some are on their way there, some have them already.
WEINAN_2023: Odds = {
    "公需 12-20, 国培 16-24, 市培 12-24, 校本 10-16, 市培 6 待审核": 3,
    "公需 12-18, 市培 18-30, 校本 8-12, 校本 4.5 已驳回": 2,
}
WEINAN_BEFORE: Odds = {
    "公需 10-18, 市培 18-30, 省培 6-12, 校本 10-16": 3,
    "公需 20-24, 国培 70-90, 市培 40-50, 校本 16-20": 2,
}
WEINAN: YearsOdds = (WEINAN_2023, WEINAN_BEFORE, WEINAN_BEFORE)
ELSEWHERE: YearsOdds = (
    {"公需 12-20, 省培 6-12, 市培 12-24, 校本 8-14, 市培 4 待审核, 校本 2 已驳回": 1},
    {"公需 12-24, 市培 18-30, 校本 10-18": 1},
    NOTHING,
)


def courses(kind: str, subject: str, day: date) -> set[str]:
    """The titles of the kind, for the subject, that could be held on the day."""
    too_early = [word for word, since in NOT_BEFORE.items() if day < since]
    held = (title for title in TITLES[kind].split() if not any(word in title for word in too_early))
    return {title.format(subject) for title in held}
