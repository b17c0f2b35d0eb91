"""The list of all metrics: what each number means and of what it is made. A new metric is one entry here.

How a count is computed stands in reports/sql; which rows it counts, in reports/rows.py.
"""

from typing import Any

from reports.metric_parts import DENOMINATORS, RANGES, RATE, Metric

_ALL_RANGES, _ALL_DENOMINATORS = tuple(RANGES), tuple(DENOMINATORS)


TERM_REMINDERS = (180, 90, 60, 30)  # days before a term ends


def _organizations() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "organizations", source="organizations", grassroots=True, **more)

    return [
        make("organizations", "党组织", "存续的基层党组织，逐个计数；不含临时、功能型党支部和联建联盟。", good="up"),
        make("party_committees", "党委", "党组织中的基层党委、行业党委和综合党委。"),
        make("general_branches", "党总支", "党组织中的党总支。"),
        make("industry_committees", "行业党委", "党组织中的行业党委。"),
        make("branches", "党支部", "党组织中的党支部、联合党支部、流动党员党支部和项目党支部。"),
        make("joint_branches", "联合党支部", "党支部中的联合党支部。"),
        make(
            "joint_branches_wide",
            "覆盖过宽的联合党支部",
            "联合党支部中覆盖的经营主体超过5户的；一般不超过5个单位。",
            good="down",
        ),
        make("floating_branches", "流动党员党支部", "党支部中的流动党员党支部。"),
        make("project_branches", "项目党支部", "党支部中的项目党支部。"),
        make("organizations_new", "本年新建党组织", "党组织中批准成立日期在统计日当年的。", good="up"),
        make("temporary_organizations", "临时党支部", "存续的临时党支部；不计入党组织数。"),
        make("functional_organizations", "功能型党支部", "存续的功能型党支部；不计入党组织数。"),
        make("alliances", "联建联盟", "存续的联建、联盟；不计入党组织数。"),
        make("market_organizations", "市场党组织", "至少有一条有效市场覆盖关系的党组织。", good="up"),
        make("market_organizations_own", "单独组建的市场党组织", "恰好覆盖一个市场的党组织。"),
        make("market_organizations_joint", "联合组建的市场党组织", "覆盖两个及以上市场的党组织。"),
    ]


def _terms() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "organizations", source="organizations", grassroots=True, **more)

    return [
        *(
            make(
                f"terms_due_{days}",
                f"{days}天内届满",
                f"任期（含经批准的延期）将在{days}天内届满的党组织。",
                good="down",
            )
            for days in TERM_REMINDERS
        ),
        make("terms_extended", "延期换届", "本届已满、在经批准的延期内的党组织。"),
        make("terms_overdue", "届满未换届", "任期（含经批准的延期）已经届满的党组织。", good="down"),
        make("terms_unknown", "未填任期", "没有填写任期的党组织，到期无法提醒。", good="down"),
        make("secretaries_missing", "没有书记", "统计日没有在任书记的党组织。", good="down"),
        make(
            "committees_formed",
            "班子三人以上的党组织",
            "统计日在任的班子成员（书记、副书记、委员）不少于3人的党组织，一人兼任只算一人；党员不足7人的支部可以不设委员会。",
        ),
    ]


def _businesses() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"ranges": _ALL_RANGES, "unit": "户", "source": "businesses"} | more
        return Metric(code, name, definition, "businesses", **more)

    covered: dict[str, Any] = {"denominators": _ALL_DENOMINATORS, "grassroots": True, "good": "up"}
    return [
        make("registered", "登记在册", "登记状态为存续或歇业的经营主体；不含吊销、注销和迁出。"),
        make("operating", "实体运营", "登记在册且实体运营；不含僵尸、空壳、一企多照、歇业和查无下落。"),
        make("three_haves", "「三有」企业", "实体运营，有固定经营场所，从业人数达到设定人数；人数不详按10人以下计。"),
        make(
            "with_members", "有党员", "实体运营且至少有1名党员（含预备）：看已知党员，没有时看最近填报。", person=True
        ),
        make("due", "应建", "实体运营且正式党员不少于3名；预备党员不计，人数不详的不计。"),
        make("above_size", "规上", "实体运营的规模以上经营主体。"),
        make("covered", "组织覆盖", "有单独、联合组建的党组织，或所在市场有党组织；每户只计一次。", **covered),
        make("covered_own", "单独覆盖", "有单独组建的党组织。", **covered),
        make("covered_joint", "联合覆盖", "没有单独组建、有联合组建的党组织。", **covered),
        make("covered_market", "市场覆盖", "没有单独和联合组建，所在市场有党组织。", **covered | {"good": None}),
        make(
            "work_covered", "工作覆盖",
            "已有组织覆盖，或有指导员、联络员，或有群团组织，或有仅计工作覆盖的关系（挂靠、兜底、功能型）。", **covered,
        ),
        make("uncovered", "未覆盖", "实体运营而没有任何组织覆盖。", good="down"),
        make("work_covered_only", "仅工作覆盖", "实体运营，没有组织覆盖而有工作覆盖。"),
        make("work_uncovered", "空白主体", "实体运营，既没有组织覆盖，也没有工作覆盖。", good="down"),
        make("instructed", "有指导员、联络员", "实体运营且统计日有指导员或联络员派驻。", good="up"),
        make("grouped", "有群团组织", "实体运营且统计日有工会、团组织或妇女组织。", good="up"),
    ]  # fmt: skip


def _due() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"ranges": _ALL_RANGES, "unit": "户", "source": "businesses"} | more
        return Metric(code, name, definition, "businesses", **more)

    return [
        make("key_businesses", "重点企业", "实体运营的重点企业。"),
        make("key_businesses_covered", "已覆盖重点企业", "重点企业中有组织覆盖的。", good="up"),
        make("conversions", "个转企企业", "登记在册、由个体工商户转型而来的企业。", ranges=("all",), source="conversions"),
        make(
            "conversions_with_links", "个转企前有覆盖关系的企业", "个转企企业中，转型前的个体工商户有过组织与主体的覆盖关系的。",
            ranges=("all",), source="conversions",
        ),
        make(
            "conversions_kept", "个转企后覆盖延续的企业",
            "个转企前有覆盖关系的企业中，统计日企业自己有存续党组织的有效覆盖关系的（含只计工作覆盖的）。", ranges=("all",),
            source="conversions", good="up",
        ),
        make("due_and_built", "应建已建", "应建且已单独组建。", good="up"),
        make("due_not_built", "应建未建", "应建而没有单独组建。", good="down"),
        make("due_not_built_sheltered", "应建未建（有联合或市场覆盖）", "应建未建中有联合或市场覆盖的。", good="down"),
        make("due_not_built_blank", "应建未建（空白）", "应建未建中没有任何组织覆盖的。", good="down"),
    ]  # fmt: skip


def _markets() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"source": "markets"} | more
        return Metric(code, name, definition, "markets", **more)

    return [
        make("markets", "专业市场", "统计日未关闭的专业市场。与经营主体分开计数，从不相加。"),
        make("markets_covered", "已覆盖市场", "有党组织覆盖的市场；临时、功能型的不算。", good="up", grassroots=True),
        make("markets_due", "应建市场", "场内没有单独组建的实体运营主体，其正式党员合计不少于3名。"),
        make("markets_due_not_built", "应建未建市场", "应建市场中没有党组织覆盖的。", good="down"),
        make("markets_due_and_built", "应建已建市场", "应建市场中有党组织覆盖的。", good="up"),
        make(
            "markets_suggested_joint", "建议联合组建的市场",
            "场内没有单独组建的实体运营主体，其正式党员合计1至2名；建议与相邻市场或街区联合组建。", person=True,
        ),
        make(
            "markets_suggested_joint_built", "建议联合组建、已建的市场", "建议联合组建的市场中有党组织覆盖的。", person=True,
        ),
        make(
            "markets_suggested_joint_not_built", "建议联合组建、未建的市场", "建议联合组建的市场中没有党组织覆盖的。",
            person=True, good="down",
        ),
    ]  # fmt: skip


def _around_markets() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"source": "markets"} | more
        return Metric(code, name, definition, "markets", **more)

    return [
        make("markets_located", "有坐标的市场", "专业市场中填了经纬度的。"),
        make(
            "markets_near", "15分钟圈内有服务点的市场", "有坐标的市场中，直线距离1公里内有未停用、填了经纬度的服务点的。",
            good="up",
        ),
        make("market_plans_open", "一场一策待办", "未关闭市场的一场一策中还没有完成的举措。", unit="项", source="market_plans"),
        make(
            "market_plans_overdue", "一场一策逾期", "一场一策待办中已过完成期限的举措。", unit="项", source="market_plans",
            good="down",
        ),
        make("industry_areas", "行业片区", "已划定的行业片区。", source="industry_areas"),
        make("delivery_sites", "配送网点", "未关闭的平台配送网点。", source="delivery_sites"),
        make("sites_located", "有坐标的配送网点", "配送网点中填了经纬度的。", source="delivery_sites"),
        make(
            "sites_near", "15分钟圈内有服务点的配送网点",
            "有坐标的配送网点中，直线距离1公里内有未停用、填了经纬度的服务点的。", source="delivery_sites", good="up",
        ),
        make(
            "couriers", "骑手", "配送网点填报的骑手人数合计；只有人数。", unit="人", source="delivery_sites",
            sum_of="couriers",
        ),
    ]  # fmt: skip


def _members() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        usual: dict[str, Any] = {"unit": "人", "person": True, "source": "persons", "grassroots": True}
        return Metric(code, name, definition, "members", **(usual | {"additive": False} | more))

    transfers: dict[str, Any] = {"unit": "人次", "source": "transfers", "additive": True, "grassroots": False}
    return [
        make("members_on_roll", "在册党员", "组织关系在本单位党组织的党员。自主报到不改变在册。", additive=True),
        make("members_verified", "已核实党员", "自主报到经指导站核实、本人没有撤回的党员。", grassroots=False),
        make("members_taken_in", "已纳管党员", "由党组织接纳参加活动的党员；不转移组织关系。", good="up"),
        make("members_distinct", "党员（去重）", "在册、已核实、已纳管，每人只计一次。"),
        make("members_full", "正式党员", "党员（去重）中的正式党员。"),
        make("members_probationary", "预备党员", "党员（去重）中的预备党员。"),
        make("members_new_employment", "新就业群体党员", "党员（去重）中的快递员、外卖配送员、网约车司机和货车司机。"),
        make("members_transferring", "组织关系转接中", "已转出待接收的组织关系；接收前仍在转出方计数。", **transfers),
        make(
            "members_transfers_expired", "转接超期", "转接中、已过介绍信有效期还没有接收的。", good="down", **transfers
        ),
    ]


REGISTRATION_STATES = {
    "submitted": "待核实",
    "contacted": "已联系",
    "verified": "已核实",
    "not_verified": "未核实",
    "duplicate": "重复",
    "unreachable": "无法联系",
    "withdrawn": "本人撤回",
    "expired": "逾期未办",
}


REGISTRATIONS_CLOSED = ("verified", "not_verified", "duplicate", "unreachable")


def _registrations() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "registrations", unit="人次", person=True, source="registrations", **more)

    return [
        make("registrations", "自主报到", "本人开始的或凭本人同意录入的报到，不论结果。"),
        *(
            make(f"registrations_{state}", f"报到：{name}", f"统计日处于「{name}」的报到。")
            for state, name in REGISTRATION_STATES.items()
        ),
        make("registrations_30d", "近30天报到", "近30天（含统计日）内提交的自主报到。"),
        make("registrations_due_soon", "3天内应办结报到", "应办结日期在统计日起3天内、仍待核实或已联系的报到。"),
        make("registrations_unassigned", "未分派到人的报到", "仍待核实或已联系、还没有分派到人的报到。", good="down"),
        make("registrations_overdue", "超期未办结报到", "过了应办结日期仍待核实或已联系的报到。", good="down"),
    ]


CHECK_IN_PURPOSES = {"report": "报到", "activity": "组织活动", "study": "学习", "volunteer": "志愿服务"}
FOOTFALL_KINDS = {"rest": "歇脚", "charge": "充电", "errand": "办事"}


def _places() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"source": "service_points"} | more
        return Metric(code, name, definition, "places", **more)

    return [
        make("service_points", "服务点", "统计日未停用的服务点。", good="up"),
        make("service_points_used", "近30天有客流的服务点", "服务点中近30天（含统计日）登记过客流的。", good="up"),
        make("service_points_in_markets", "市场内服务点", "服务点中设在专业市场内的。"),
        make("rest_points", "骑手驿站", "骑手驿站、暖蜂服务点。"),
        make("caring_merchants", "爱心商户", "爱心商户。"),
        make("party_service_points", "党群服务点", "党群服务点。"),
        make("party_homes", "党建之家", "党建之家。"),
        make("finance_points", "金融服务点", "金融服务点。"),
        make("training_bases", "实训基地", "实训基地。"),
        make("counters", "指导站窗口", "指导站窗口，每个指导站一个。"),
    ]


def _visits() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "places", **more)

    return [
        make(
            "check_ins_30d", "近30天签到", "近30天（含统计日）本人签到，不含本人有异议的。", unit="次", person=True,
            source="check_ins",
        ),
        *(
            make(
                f"check_ins_{purpose}_30d", f"近30天签到：{name}", f"近30天签到中事由为「{name}」的。", unit="次",
                person=True, source="check_ins",
            )
            for purpose, name in CHECK_IN_PURPOSES.items()
        ),
        make(
            "footfall_30d", "近30天客流", "近30天（含统计日）歇脚、充电、办事的人次；不识别身份。", unit="人次",
            source="footfall", sum_of="count",
        ),
        *(
            make(
                f"footfall_{kind}_30d", f"近30天客流：{name}", f"近30天客流中{name}的人次。", unit="人次",
                source="footfall", sum_of="count",
            )
            for kind, name in FOOTFALL_KINDS.items()
        ),
        make("instructors", "指导员", "在任的指导员和联络员。", unit="人", source="instructors"),
        make(
            "instructors_assigned", "有派驻的指导员", "在任的指导员和联络员中，统计日派驻到经营主体或市场的。", unit="人",
            source="instructors", good="up",
        ),
    ]  # fmt: skip


def _data() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "data", good="down", **more)

    return [
        make("differences_open", "系统间差异待处理", "各来源系统说法不一、还没有处理的取值。", unit="处", source="differences"),
        make(
            "hand_overs_pending", "待处理划转",
            "等待处理的划转：请对方接收的计在接收单位，请对方划出的计在经营主体所在单位。", unit="户", source="hand_overs",
        ),
    ]  # fmt: skip


def _rates() -> list[Metric]:
    def make(code: str, name: str, definition: str, numerator: str, **more: Any) -> Metric:
        group = more.pop("group", "businesses")
        more = {"denominators": _ALL_DENOMINATORS, "ranges": _ALL_RANGES, "good": "up"} | more
        return Metric(code, name, definition, group, unit="%", kind=RATE, additive=False, numerator=numerator, **more)

    return [
        make("organization_coverage", "组织覆盖率（含市场）", "组织覆盖（单独、联合、市场）÷ 所选口径。", "covered"),
        make(
            "organization_coverage_strict", "组织覆盖率（单独+联合）", "（单独覆盖 + 联合覆盖）÷ 所选口径。",
            "covered_own+covered_joint",
        ),
        make("own_establishment", "单独组建率", "单独覆盖 ÷ 所选口径。", "covered_own"),
        make("work_coverage", "工作覆盖率", "工作覆盖 ÷ 所选口径。", "work_covered"),
        make(
            "key_coverage", "重点企业覆盖率", "已覆盖重点企业 ÷ 重点企业。", "key_businesses_covered", denominators=(),
            denominator="key_businesses",
        ),
        make("due_built_rate", "应建已建率", "应建已建 ÷ 应建。", "due_and_built", denominators=(), denominator="due"),
        make(
            "market_coverage", "市场覆盖率", "已覆盖市场 ÷ 专业市场。", "markets_covered", denominators=(),
            denominator="markets", ranges=("all",), group="markets",
        ),
        make(
            "market_due_built_rate", "应建市场已建率", "应建已建市场 ÷ 应建市场。", "markets_due_and_built",
            denominators=(), denominator="markets_due", ranges=("all",), group="markets",
        ),
    ]  # fmt: skip


def _fixed_rates() -> list[Metric]:
    def make(code: str, name: str, definition: str, numerator: str, **more: Any) -> Metric:
        more = {"group": "businesses", "good": "up"} | more
        return Metric(code, name, definition, unit="%", kind=RATE, additive=False, numerator=numerator, **more)

    return [
        make(
            "conversion_kept_rate", "个转企覆盖延续率", "个转企后覆盖延续的企业 ÷ 个转企前有覆盖关系的企业。", "conversions_kept",
            denominator="conversions_with_links",
        ),
        make(
            "market_circle", "市场15分钟圈覆盖率", "15分钟圈内有服务点的市场 ÷ 有坐标的市场。", "markets_near",
            denominator="markets_located", group="markets",
        ),
        make(
            "site_circle", "网点15分钟圈覆盖率", "15分钟圈内有服务点的配送网点 ÷ 有坐标的配送网点。", "sites_near",
            denominator="sites_located", group="markets",
        ),
        make(
            "registrations_closed_rate", "报到办结率", "已核实、未核实、重复、无法联系的报到 ÷ 自主报到。",
            "+".join(f"registrations_{state}" for state in REGISTRATIONS_CLOSED),
            denominator="registrations", group="registrations", person=True, good=None,
        ),
    ]  # fmt: skip


METRICS: dict[str, Metric] = {
    metric.code: metric
    for part in (
        _organizations,
        _terms,
        _businesses,
        _due,
        _markets,
        _around_markets,
        _members,
        _registrations,
        _places,
        _visits,
        _data,
        _rates,
        _fixed_rates,
    )
    for metric in part()
}
GROUPS = {
    "organizations": "党组织",
    "businesses": "经营主体与覆盖",
    "markets": "市场与网点",
    "members": "党员",
    "registrations": "自主报到",
    "places": "服务点与人员",
    "data": "数据核对",
}
