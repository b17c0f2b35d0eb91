"""Syllables from which names are put together. No name is taken from anywhere; any likeness is chance."""

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国文辉力海燕春梅雪飞宇浩然子轩梓涵佳慧志鹏晓东俊峰"

BRAND_FIRST = "鑫恒瑞盛宏泰华安嘉信佳宝康润达兴隆昌顺永源丰汇正德诚金银海天云星辰阳光明亮新创智联合同众博远大"
BRAND_SECOND = "源达丰盛泰和顺发隆昌华康宁安信诚德利益民生辉煌腾飞跃升远航宇通联合创新科智慧雅美佳乐福祥瑞吉"

TRADES = [  # word on the sign, GB/T 4754-2017 code, weight
    ("商贸", "F5190", 16), ("便利店", "F5212", 9), ("餐饮", "H6210", 11), ("小吃店", "H6299", 7), ("服装", "F5232", 8),
    ("电子", "C3982", 9), ("科技", "I6510", 10), ("物流", "G5810", 4), ("快递服务", "G6020", 2),
    ("汽修", "O8111", 3),
    ("美容美发", "O8051", 5), ("建材", "F5286", 4), ("五金", "F5174", 4), ("果蔬", "F5223", 5), ("水产", "F5224", 2),
    ("装饰工程", "E5011", 3), ("广告", "L7251", 2), ("咨询", "L7249", 3), ("教育咨询", "P8391", 1),
    ("家政服务", "O8010", 2),
]  # fmt: skip

MARKETS = [  # what the sign says, Market.Trade, how often
    ("农贸市场", "farm", 30), ("农产品批发市场", "wholesale", 8), ("电子市场", "electronics", 16),
    ("服装城", "clothing", 12), ("建材市场", "building", 14), ("商品交易市场", "goods", 12),
    ("水产批发市场", "wholesale", 4), ("二手车市场", "other", 4),
]  # fmt: skip

INDUSTRY_AREAS = [
    "电子元器件",
    "服装皮革",
    "珠宝首饰",
    "餐饮美食",
    "汽车后市场",
    "建材家居",
    "跨境电商",
    "物流快递",
    "文化创意",
]
PLATFORMS = ["蜂行外卖", "快骑到家", "顺捷快递", "通达速运", "云仓同城", "随行出行"]
FACILITIES = ["饮水", "充电", "微波炉", "药箱", "歇脚座椅", "书报", "雨具", "空调"]

PLEDGES = [  # 亮职责, 亮承诺
    ("经营区消防安全巡查", "每天开门前查一遍水电和通道，发现隐患当天报告、当天处理。"),
    ("消费纠纷先行调解", "明码标价，缺一补一；顾客有意见先听完，三天内给答复。"),
    ("食品安全示范摊位", "不卖过期食品，进货单据随时可看。"),
    ("市场卫生责任区", "摊位周边三米内保持整洁，垃圾当天清走。"),
    ("新来商户联络", "帮新来的商户跑一次流程、认一次门。"),
    ("骑手歇脚点值守", "歇脚、充电、喝水随时可用，不问您是谁。"),
]

# Shares of Shenzhen's businesses by district, rounded; the streets of a district fall off by rank.
DISTRICT_SHARES = {
    "宝安区": 20.5, "龙岗区": 18.5, "福田区": 14.5, "南山区": 14.0, "龙华区": 13.0, "罗湖区": 9.0, "光明区": 4.2,
    "坪山区": 3.2, "盐田区": 1.7, "大鹏新区": 0.8, "深汕特别合作区": 0.6,
}  # fmt: skip


def brand(number: int) -> str:
    """A two-syllable brand; different for about two thousand numbers in a row."""
    first = BRAND_FIRST[number % len(BRAND_FIRST)]
    return first + BRAND_SECOND[(number * 7 + number // len(BRAND_FIRST)) % len(BRAND_SECOND)]
