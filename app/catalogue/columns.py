"""Labels of the columns of files that are neither a measure nor a metric."""

from app.catalogue.labels import Label

COLUMN_LABELS: dict[str, Label] = {
    "row": Label("行", "Row"),
    "as_of": Label("日期", "As of"),
    "snapshot": Label("快照", "Snapshot"),
    "breaks": Label("口径变化", "Breaks"),
    "basis": Label("口径", "Basis"),
    "code": Label("代码", "Code"),
    "name": Label("名称", "Name"),
    "name_zh": Label("中文名称", "Chinese name"),
    "name_en": Label("英文名称", "English name"),
    "level": Label("级别", "Level"),
    "parent_code": Label("上级代码", "Parent code"),
    "industries": Label("行业代码", "Industries"),
    "kind": Label("类别", "Kind"),
    "registered_on": Label("成立日期", "Registered on"),
    "closed_on": Label("注销日期", "Closed on"),
    "district_code": Label("行政区划代码", "District code"),
    "district_name": Label("行政区划", "District"),
    "district_name_zh": Label("行政区划中文名称", "District's Chinese name"),
    "district_name_en": Label("行政区划英文名称", "District's English name"),
    "district_level": Label("行政区划级别", "District level"),
    "district_parent_code": Label("上级行政区划代码", "Parent district code"),
    "industry_code": Label("行业代码", "Industry code"),
    "industry_name": Label("行业", "Industry"),
    "industry_name_zh": Label("行业中文名称", "Industry's Chinese name"),
    "industry_name_en": Label("行业英文名称", "Industry's English name"),
    "industry_level": Label("行业级别", "Industry level"),
    "industry_parent_code": Label("上级行业代码", "Parent industry code"),
    "industry_group": Label("行业组", "Industry group"),
    "industry_group_code": Label("行业组代码", "Industry group code"),
    "industry_group_name": Label("行业组名称", "Industry group's name"),
    "industry_group_name_zh": Label("行业组中文名称", "Industry group's Chinese name"),
    "industry_group_name_en": Label("行业组英文名称", "Industry group's English name"),
    "industry_group_industries": Label("行业组所含行业", "Industries of the group"),
    "ownership": Label("所有制", "Ownership"),
    "size_class": Label("规模", "Size class"),
    "reported_on": Label("报告日期", "Reported on"),
    "operating": Label("在营", "Operating"),
    "fixed_premises": Label("固定场所", "Fixed premises"),
    "above_designated_size": Label("规上", "Above designated size"),
    "organised": Label("已组建", "Organised"),
    "standalone": Label("单独组建", "Standalone"),
    "reached_by_dual": Label("兼合式覆盖", "Reached by dual affiliation"),
    "work_only": Label("仅工作覆盖", "Reached by work means alone"),
    "eligible": Label("应建", "Eligible"),
    "has_members": Label("有党员", "Has members"),
    "bases": Label("所属口径", "Bases"),
    "branches": Label("覆盖党组织", "Covering branches"),
    "form": Label("组建形式", "Form"),
    "dual_affiliation": Label("兼合式", "Dual affiliation"),
    "established_on": Label("组建日期", "Established on"),
    "own": Label("本级", "Own"),
    "subtree": Label("含下级", "Subtree"),
    "gap_since": Label("应建未建起始日期", "In the gap since"),
    "means": Label("覆盖方式", "Means"),
    "candidates": Label("可依托党组织", "Candidate branches"),
    "members": Label("党员数", "Members"),
    "account": Label("项目", "Account"),
    "component": Label("构成", "Component"),
    "value": Label("数值", "Value"),
    "n_eff": Label("有效样本量", "Effective employees"),
    "ratio": Label("比例", "Ratio"),
    "reference_ratio": Label("参照比例", "Reference ratio"),
    "expected": Label("参照比例下的有效党员数", "Expected effective members"),
    "p": Label("p值", "p"),
    "q": Label("q值", "q"),
    "class": Label("判定", "Class"),
    "shortfall": Label("缺口人数", "Shortfall"),
    "limit_95_low": Label("95%控制下限", "Lower 95 % limit"),
    "limit_95_high": Label("95%控制上限", "Upper 95 % limit"),
    "limit_998_low": Label("99.8%控制下限", "Lower 99.8 % limit"),
    "limit_998_high": Label("99.8%控制上限", "Upper 99.8 % limit"),
    "numerator": Label("分子", "numerator"),
    "denominator": Label("分母", "denominator"),
    "low": Label("下限", "lower bound"),
    "high": Label("上限", "upper bound"),
    "status": Label("状态", "status"),
}


def _of(prefix: str, owner: Label) -> dict[str, Label]:
    """Return the labels of a branch's columns where a row has two branches."""
    names = ("code", "name", "kind", "form", "parent_code", "district_code", "dual_affiliation", "industry_code",
             "industry_group", "established_on")  # fmt: skip
    labels = {name: COLUMN_LABELS[name] for name in names}
    return {
        f"{prefix}_{name}": Label(f"{owner.zh}{label.zh}", f"{owner.en}: {label.en.lower()}")
        for name, label in labels.items()
    }


COLUMN_LABELS |= _of("home", Label("隶属党组织", "Home"))
COLUMN_LABELS |= _of("joint_branch", Label("兼合党组织", "Joint branch"))
