"""Names of people, drawn about as often as they are met in Hangzhou. Nobody in the demo town is a real person."""

from __future__ import annotations

from itertools import accumulate
from random import Random

#: Surnames with a weight, the common ones of Zhejiang first.
SURNAMES = {
    "陈": 82, "王": 78, "徐": 56, "张": 54, "李": 50, "周": 48, "吴": 45, "沈": 42, "金": 36, "朱": 34,
    "林": 30, "胡": 29, "杨": 27, "叶": 26, "黄": 25, "俞": 24, "赵": 23, "孙": 22, "刘": 22, "何": 20,
    "蒋": 19, "方": 18, "郑": 18, "潘": 17, "应": 9, "钱": 15, "陆": 15, "姚": 14, "许": 14, "马": 13,
    "来": 13, "傅": 13, "章": 12, "汪": 12, "楼": 11, "郭": 11, "高": 10, "倪": 10, "董": 10, "裘": 6,
    "施": 9, "罗": 9, "程": 9, "余": 9, "邵": 8, "韩": 8, "曹": 8, "宋": 8, "夏": 7, "谢": 7,
    "丁": 7, "唐": 7, "洪": 7, "戴": 6, "童": 6, "杜": 5, "孔": 5, "冯": 5, "葛": 5, "田": 4,
    "欧阳": 1, "诸葛": 1,
}  # fmt: skip
#: Given names of one character are a fifth of all.
SINGLE = tuple("敏伟丽静杰磊强军洋艳勇娟涛超霞平刚玲芳斌鑫浩婷宁琳颖莹怡欣悦帆凯昊晨蕾雯睿晴瑶萌")
FIRST = tuple("建国志文小晓雨子佳嘉思宇梓欣一家俊明海春秋雪玉美淑慧秀红金永德福振立天浩泽沐诗语若安可亦")
SECOND = tuple("华明英芳兰珍琴萍梅菊娣根法良荣祥林平军杰涵轩怡妍彤琪瑶悦宁然辰阳泽博文豪婷雯晨熙诺桐昕瑜")
SINGLE_SHARE = 0.2
_surname_weights = list(accumulate(SURNAMES.values()))


def draw_surnames(random: Random, count: int) -> list[str]:
    """Surnames, each as often as it is met."""
    return random.choices(list(SURNAMES), cum_weights=_surname_weights, k=count)


def draw_given_name(random: Random) -> str:
    """A given name of one character or two."""
    if random.random() < SINGLE_SHARE:
        return random.choice(SINGLE)
    return random.choice(FIRST) + random.choice(SECOND)
