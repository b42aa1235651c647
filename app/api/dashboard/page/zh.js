// Words of the page in Chinese; what figures mean comes from the catalogue.

const RULES = {
  required: "不能为空", invalid_code: "代码格式不对", invalid_text: "文字过长或含有不可用字符", invalid_date: "不是日期",
  invalid_count: "须为0至2000000000的整数，如12、1,234、12人", invalid_month: "不是月份", invalid_year: "不是年份", invalid_boolean: "须为是或否",
  invalid_choice: "不在可选值之内", invalid_fraction: "不是0至1的小数或百分数", inexact_number: "数字在表格中已失去精度", spreadsheet_error: "单元格是表格错误值", formula_without_value: "公式没有计算结果，请打开文件保存后重报",
  identity_number: "疑似身份证号码，不得上报", ragged_row: "列数与表头不符", totals_row: "这是合计行，不是单位", repeated_header: "与表头重复", row_below_notes: "在表尾说明之下", unreadable_file: "文件无法读取", empty_interval: "结束日期不晚于开始日期",
  closed_before_registered: "注销日期早于成立日期", full_before_joined: "转正日期早于入党日期",
  left_before_joined: "减少日期早于入党日期", part_above_members: "大于党员总数", part_without_members: "有其中数而无党员总数",
  part_above_headcount: "大于职工总数", part_without_headcount: "有其中数而无职工总数",
  future_month: "月份尚未开始", branch_return_outside_life: "月份不在党组织存续期内",
  means_without_branch: "组织覆盖须填党组织", two_industries: "行业与行业组不能并填", several_scopes: "行业、行业组与单位性质只能填一项", future_return: "填报日期晚于今日",
  duplicate_key: "与另一行重复", conflicting_names: "同一代码有不同名称", unknown_code: "代码不存在",
  erased_ref: "该编号已被删除，不得再上报", outside_scope: "超出密钥的区划范围", still_referred_to: "仍被其他记录引用",
  cycle: "上下级成环", level_order: "级别须低于上级", site_place: "园区、楼宇的上级不对", supersedes_cycle: "承续关系成环",
  second_employer: "同一时间有两个工作单位", second_primary: "同一时间有两个正式组织关系", overlapping_rows: "日期重叠",
  secondary_without_dual: "该党组织不是兼合式", secondary_to_primary: "兼合关系与正式关系是同一党组织",
  check_digit: "信用代码校验位不对", case_variant: "与另一代码只有大小写不同", members_above_headcount: "党员数大于职工数",
  return_outside_registration: "填报日期不在存续期内", employment_outside_registration: "工作日期不在单位存续期内",
  headcount_jump: "职工数变化过大", member_source_change: "党员来源因此改变",
};

const spaced = (name) => (/[\x21-\x7e]$/.test(name) ? `${name} ` : name); // between a Latin letter or a digit and what follows
const day = (text) => (/^\d/.test(text) ? ` ${text} ` : text);

export default {
  lang: "zh", title: "组织覆盖统计", other: "English", skip: "跳到内容", choose: "选择范围", views_: "页面", jump: "本页内容", loading: "正在读取…",
  code: "代码", comma: "，", semicolon: "；", colon: "：", name: "名称", total: "合计", number: "数量", value: "内容", yes: "是", no: "否", today: "至今", never: "从未", actions: "操作",
  views: { overview: "总览", establish: "组建", enterprises: "单位", branches: "党组织", data: "报送与发布" },
  heads: {
    headline: "概况", map: "地图", children: "下级区划的覆盖", trends: "趋势", low: "各行业的党员：哪些偏少", targets: "目标", dual: "兼合式带来的变化", bases: "五种口径",
    proposals: "组建建议", gaps: "应建未建单位", enterprises: "单位", branches: "党组织", upload: "上报文件", versions: "快照与发布", quality: "数据质量",
  },
  headline: "概况", children: "下级区划的覆盖", trends: "趋势", low: "各行业的党员：哪些偏少", targets: "目标", dual: "兼合式带来的变化", bases: "五种口径", proposals: "组建建议", gaps: "应建未建单位",
  enterprises: "单位", branches: "党组织", versions: "快照与发布", quality: "数据质量",

  district: "行政区划", typeDistrict: "输入名称或代码", nothingFound: "没有找到", date: "日期", basis: "口径", filter: "单位范围", everyEnterprise: "全部单位", nonPublic: "非公企业", official: "两新组织（非公企业和社会组织）",
  groups: "行业组", sections: "行业门类", dimensions: { ownership: "所有制", size_class: "规模", enterprise_kind: "单位类别" }, everything: "全部地区", industries: "行业",
  section: "门类", division: "大类", group: "行业组", key: "密钥", enterKey: "接口密钥", useKey: "使用", forgetKey: "忘记密钥", noKey: "密钥只保存在本页内存中，关闭或刷新页面即清除。",
  documentation: "接口文档", exact: "精确数据", public: "受保护数据：党员数、职工数已按单位取整，精确数据需要密钥", snapshot: "快照", source: "党员来源", register: "名册", returns: "报送", updated: "生成时间",

  sentence: {
    comma: "，", semicolon: "；", stop: "。", lowBase: "（基数不足 30，仅供参考）",
    periods: { 3: "上季度", 12: "上年同期" },
    organised: (place, all, whom, some) => `${spaced(place)}${/[\x21-\x7e]$/.test(place) ? "" : " "}${all} ${whom}中 ${some} 家已建组织`,
    nobody: (place, whom) => `${spaced(place)}没有${whom.replace(/^家/, "")}`,
    covered: (rate) => `覆盖率 ${rate}`, withDual: (rate) => `含兼合式为 ${rate}`,
    more: (since, by) => `比${day(since)}高 ${by} 个百分点`, less: (since, by) => `比${day(since)}低 ${by} 个百分点`, same: (since) => `与${day(since)}持平`,
    low: (names, number) => (names.length === 1 ? `${names[0]}党员偏少，按其他行业水平尚缺约 ${number} 人` : `${names[0]}等 ${names.length} 个行业党员偏少，其中${names[0]}按其他行业水平尚缺约 ${number} 人`),
    lower: (names, number) => `${names[0]}党员较少，按其他行业水平尚缺约 ${number} 人，是否明显偏少尚难判断`,
  },
  whomAll: (basis) => `家${basis}`,
  whomOf: (code, name) => ({ "sector:non_public": "家非公企业", "sector:non_public,social": "家两新组织" })[code] ?? `家${name.replace(/^[A-T] /, "")}单位`,

  interval: "95% 区间", points: " 个百分点", since: (day) => `比${day}`, unchanged: "持平", target: "目标", copyPage: "复制概况", copyTable: "复制表格", copyAddress: "复制网址", copied: "已复制", print: "打印",
  behind: { enterprises: "看这些单位", members: "看有党员的单位", organisation_coverage: "看已建单位", organisation_coverage_with_dual: "看兼合式覆盖的单位", dual_reach: "看有未触达党员的单位", establishment_rate: "看应建未建单位" },
  ok: "", low_base: "基数小于30，仅供参考", unreliable: "舍入误差较大", inconsistent: "分子大于分母", unknown: "未知", not_applicable: "不适用", protected: "不公开", noFigure: "没有数据", mapSays: (what) => `颜色越深，${what}越高；斜线表示基数小于30。点击区域查看下级。`,
  stays: (what) => `连接不上服务，以下仍是上次读到的数据${what ? `（${what}）` : ""}。`, retry: "重试", unreachable: "连接不上服务，请检查网络后再试。", broke: "页面出错，请刷新后再试。", status: (code) => `服务返回错误（${code}）。`,
  exactOnly: "公开数据不含此项，需要精确数据的密钥。", notAllowed: "需要有相应权限的密钥。", failed: "未成功：", keyRefused: "密钥无效、已过期或已撤销，仍显示公开数据。", nowhere: (code) => `快照中没有区划 ${code}。`,

  more: (all, shown) => `共 ${all} 行，已显示 ${shown} 行。`, showMore: "再显示一些", showAll: "全部显示", rowsInAll: (all) => `共 ${all} 行`, show: "显示", asked: "JSON", asTable: "数据表",
  sub: "条形为组织覆盖率，横线为 95% 区间，竖线为本范围合计；淡色表示基数过小。点击名称查看下级，点击表头排序。", unallocated: "未分配", coarser: "仅计入上级",
  trendSays: "点为各次快照，折线在两次快照之间保持不变，竖线为 95% 区间，底色标出所选日期。", founded: "联合组织成立", breaks: "口径变化",
  broken: { settings: "设置", member_source: "党员来源", trees: "区划或行业", format: "快照格式" },

  class: "判定", classMeaning: "偏低：确实低于参照，也确实低于参照的 0.8 倍；较低：低于参照，是否低于 0.8 倍尚难判断", ratio: "比例", ratioMeaning: "党员占职工的比例", reference: "参照比例", referenceMeaning: "本范围内其他行业合计的比例",
  shortfall: "缺口", shortfallMeaning: "按参照比例尚缺的党员数", q: "q 值", qMeaning: "若把 q 值不大于它的行业都判为偏低，预期误判的比例",
  classes: { low: "偏低", lower: "较低", higher: "较高", not_different: "无差异", few_expected: "预期过少", inconsistent: "数据矛盾", not_applicable: "不适用" },
  funnelSays: "每个点是一个行业：越高，党员占职工的比例越高；越靠右，依据的职工越多，比例越可靠。靠左的行业人数少，高低多属偶然；落在线外、又标成三角的，才值得追问。",
  effective: "有效职工人数", fewer: "← 依据少", moreEmployees: "依据多 →", limit95: "95% 控制限", limit998: "99.8% 控制限",
  lowNote: "比例：党员占职工。参照比例：本范围内其他行业合计的比例。缺口：按参照比例尚缺的党员数。人数少的“无差异”说明数据不足以判断。“偏低”：确实低于参照，也确实低于它的 0.8 倍；“较低”：低于参照，是否低于 0.8 倍，数据不足以判断。控制限以“大家同一个比例”为准：行业之间本有差别，大行业落在线外的不少。",
  lowRounded: "取整使检验弱于精确数据。", unfiltered: "此处不受所选单位范围限制。",

  targetsSay: "只列本范围内、所选日期以后到期的目标；达到与否以数字本身为准，区间供参考。", place: "地区", whom: "对象", due: "到期", now: "当前", state: "状态", missingShort: "尚缺", daysLeft: "剩余天数", basedOn: "依据",
  missing: (number) => `还差 ${number}`, until: (day) => `（${day} 前）`, targetStates: { met: "已完成", short: "未完成", cannot_tell: "无法判断" },

  without_dual: "不含兼合式", with_dual: "含兼合式", joint: "参加党员", jointBranches: (n) => `兼合式党组织（${n} 个）`, unreached: "未触达党员", registerOnly: "需要名册",

  effect: "组建后的变化", before: "现在", after: "全部组建后", difference: "变化", order: "次序", proposal: "建议", enterprisesIn: "单位", coverageAfter: "累计覆盖率", mustEstablish: "应建", attachTo: "挂靠", andMore: (n) => `另有 ${n} 家`,
  kinds: { standalone: "单独组建", joint: "联合组建", attach: "挂靠组建", instructor: "选派党建指导员" },
  kindsMean: { standalone: "正式党员达到单独组建条件", joint: "同一园区、街道的单位联合组建", attach: "挂靠同一街道的现有党组织", instructor: "暂不具备组建条件，仍计为未建" },
  kindNumber: (kind, n) => `${kind} ${n} 个`, proposalsSay: (kinds, before, after) => `建议${kinds}；全部完成后，组织覆盖率由 ${before} 升至 ${after}。`,
  proposalNote: "按应建单位数、党员数由多到少排列，从上往下依次组建；曲线为每组建一个之后的组织覆盖率。只是建议，不改变任何记录。", foundedSoFar: "已完成的建议（个）→",
  undecided: (n) => `另有 ${n} 家单位正式党员数不明，未列入。`, nothingToFound: "没有可以建议组建的单位。", toProposal: "看建议", toGap: "看组建建议", since_: "至迟自", means: "覆盖方式", candidates: "可依托党组织",
  gapsInAll: (n) => `共 ${n} 家应建未建单位。`, noGaps: "没有应建未建单位。",
  meansOf: { standalone: "单独组建", joint: "联合组建", area: "区域覆盖", industry: "行业覆盖", attached: "挂靠", instructor: "党建指导员", liaison: "党建联络员", trade_union: "工会", youth_league: "共青团" },

  enterprise: "单位", reach: "覆盖情况", industry: "行业", reached: { standalone: "单独组建", organised: "已建组织", dual: "兼合式覆盖", work: "仅工作覆盖", none: "未覆盖" },
  rowsOf: {
    "": "全部单位", "organised=true": "已建组织", "organised=false": "未建组织", "eligible=true": "应建单位", "eligible=true&organised=false": "应建未建", "has_members=true": "有党员", "reached_by_dual=true": "兼合式覆盖", "relation=unreached": "有未触达党员",
  },
  rowsOfBranch: (branch, relation) => `${branch ?? ""} ${relation ?? ""}`, relations: { participating: "党员所在单位", covered: "覆盖的单位", unreached: "有未触达党员的单位" },
  find: { enterprises: "查找单位", branches: "查找党组织" }, foundNumber: (n) => `找到 ${n} 个`, backToList: "← 返回列表",
  kind: "类别", sector: "性质", ownership: "所有制", size: "规模", registeredOn: "成立日期", closedOn: "注销日期", reportedOn: "填报日期", operating: "在营", activity: "组织活动正常",
  coverage: "覆盖情况", branch: "党组织", from: "自", to: "至", noCoverage: "没有覆盖记录。", memberCounts: "党员与职工（人数）", returns_: "历次填报",
  subtreeSays: "人数含下级党组织，一人只计一次。", dualBranch: "兼合式", establishedOn: "成立日期", own: "本级", withBelow: "含下级", branchFigures: "党组织数据", parentBranch: "上级党组织", takesDual: "兼合式", covers: "覆盖",
  membersFrom: "党员来自", enterprisesOf: (n) => `${n} 家单位`, workplaces: "参加党员的工作单位", branchesBelow: "下级党组织", elsewhere: "其他单位（不在册或身份不公开）", noEmployer: "没有工作单位", withoutDual: "该单位未参加兼合式的党员",

  dataset: "数据集", file: "文件", check: "检查", takeIn: "入库并生成快照", skipRows: "跳过有误的行", ignoreUnknown: "忽略不认识的列", build: "快照日期", template: "下载模板", templateFile: (name) => `${name}模板`,
  stepTemplate: "下载模板，填写台账", stepCheck: "上传检查", stepTake: "入库，生成快照", uploadNote: "也可以直接上传本单位的台账：CSV、XLSX 或 Parquet 文件，表头中英文均可。", takeNote: "检查没有错误后即可入库；同一文件入库两次不会重复。",
  severity: "性质", severities: { error: "错误", warning: "提醒" }, sending: "正在发送", queued: "等待处理",
  phases: { reading: "正在读取", checking: "正在检查", writing: "正在写入", computing: "正在计算", "adding up": "正在汇总", "waiting for its turn": "等待处理" },
  done: (d) => `完成：新增 ${d.inserted}，更改 ${d.changed}，未变 ${d.unchanged}，有误 ${d.errors}。`,
  checked: (d) => `检查完毕，未写入：将新增 ${d.inserted}，更改 ${d.changed}，未变 ${d.unchanged}，有误 ${d.errors}。`,
  problems: "问题", eachProblem: (n) => `逐行问题（${n} 条）`, closest: (codes) => `（相近的：${codes}）`, counts: "各类问题", remarks: "下载带意见的退回文件（XLSX）", remarksFile: "退回文件",
  moreProblems: (n, shown) => `共 ${n} 个问题，此处显示前 ${shown} 个。`, states: { failed: "未成功", interrupted: "中断，请重新上传", succeeded: "完成" },
  snapshotMade: "已生成快照", toVersions: "去比较和发布", stale: "统计数据尚未包含本次上报。", buildAnew: "重新生成快照", row: "行", column: "列", message: "说明",
  datasets: {
    ledger: "台账", returns: "单位填报", enterprises: "单位", branches: "党组织", coverage: "覆盖情况", "branch-returns": "党组织月报", members: "党员",
    employments: "工作关系", affiliations: "组织关系", districts: "行政区划", industries: "行业", "industry-groups": "行业组", targets: "目标",
  },
  rule: (code) => RULES[code] ?? code,

  versionsSay: "草稿只有持写入、发布权限的密钥能看到；先比较，再发布。", versionStates: { draft: "草稿", released: "已发布", withdrawn: "已撤回" }, built: "生成时间", note: "说明", revises: "修订", look: "查看", compare: "比较", release: "发布", withdraw: "撤回", cancel: "取消",
  decide: { release: (day, id) => `发布 ${day} 的快照 ${id}？发布后对所有人可见。`, withdraw: (day, id) => `撤回 ${day} 的快照 ${id}？撤回后不再提供。` }, decided: { release: (day, id) => `已发布 ${day} 的快照 ${id}。`, withdraw: (day, id) => `已撤回 ${day} 的快照 ${id}。` },
  comparison: "比较", older: "原快照", newer: "新快照", byPlace: "各下级区划的变化", nothingChanged: "单位、组织和党员没有变化。", rateEffect: "各行业比例变化", mixEffect: "行业结构变化", organisedMoves: (more, less) => `新建组织 ${more} 家，不再有组织 ${less} 家。`,
  accounts: { entered: "新增", left: "退出", moved_in: "迁入", moved_out: "迁出", within: "其余变化" }, reporting: "报送率", finding: "条目",
};
