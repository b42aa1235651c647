// Words of the page in English; what figures mean comes from the catalogue.

const listed = (names) => (names.length === 1 ? `${names[0]} has` : `${names[0]} and ${names.length - 1} other ${names.length === 2 ? "industry" : "industries"} have`);

export default {
  lang: "en", title: "Organisational coverage", other: "中文", skip: "Skip to content", choose: "Choose a scope", views_: "Views", jump: "On this page", loading: "Loading…",
  code: "Code", comma: ", ", semicolon: "; ", colon: ": ", name: "Name", total: "Total", number: "Number", value: "Value", yes: "yes", no: "no", today: "today", never: "never", actions: "Actions",
  views: { overview: "Overview", establish: "Establish", enterprises: "Enterprises", branches: "Branches", data: "Data and release" },
  heads: {
    headline: "At a glance", map: "Map", children: "Coverage of the districts below", trends: "Over time", low: "Members by industry: which have too few", targets: "Targets", dual: "What dual affiliation adds", bases: "Five bases",
    proposals: "Establishment proposals", gaps: "Establishment gaps", enterprises: "Enterprises", branches: "Branches", upload: "Send a file", versions: "Snapshots and release", quality: "Data quality",
  },
  headline: "At a glance", children: "Coverage of the districts below", trends: "Over time", low: "Members by industry: which have too few", targets: "Targets", dual: "What dual affiliation adds", bases: "Five bases", proposals: "Establishment proposals", gaps: "Establishment gaps",
  enterprises: "Enterprises", branches: "Branches", versions: "Snapshots and release", quality: "Data quality",

  district: "District", typeDistrict: "Type a name or a code", nothingFound: "Nothing found", date: "Date", basis: "Basis", filter: "Enterprises", everyEnterprise: "All enterprises", nonPublic: "Non-public enterprises", official: "Non-public enterprises and social organisations",
  groups: "Industry groups", sections: "Sections", dimensions: { ownership: "Ownership", size_class: "Size", enterprise_kind: "Kind" }, everything: "Everything", industries: "Industries",
  section: "Sections", division: "Divisions", group: "Industry groups", key: "Key", enterKey: "API key", useKey: "Use", forgetKey: "Forget key", noKey: "A key is kept in this page's memory only, until the page is closed or loaded again.",
  documentation: "API documentation", exact: "Exact figures", public: "Protected figures: members and employees are rounded firm by firm; a key shows exact ones", snapshot: "Snapshot", source: "Members from", register: "register", returns: "returns", updated: "Built",

  sentence: {
    comma: ", ", semicolon: "; ", stop: ".", lowBase: " (of fewer than 30)",
    periods: { 3: "the quarter before", 12: "the year before" },
    organised: (place, all, whom, some, number) => `${place}: ${some} of ${all} ${whom} ${number === 1 ? "is" : "are"} organised`,
    nobody: (place, whom) => `${place} has no ${whom}`,
    covered: (rate) => `coverage ${rate}`, withDual: (rate) => `${rate} with dual affiliation`,
    more: (since, by) => `${by} points above ${since}`, less: (since, by) => `${by} points below ${since}`, same: (since) => `the same as ${since}`,
    low: (names, number) => `${listed(names)} few members, ${names.length === 1 ? "" : `${names[0]} `}about ${number} short of the level of other industries`,
    lower: (names, number) => `${names[0]} has fewer members than other industries, about ${number} short of their level, too few to tell how far below`,
  },
  whomAll: (basis) => `${basis.toLowerCase()} enterprises`,
  whomOf: (code, name) => ({ "sector:non_public": "non-public enterprises", "sector:non_public,social": "non-public enterprises and social organisations" })[code] ?? `enterprises of “${name.replace(/^[A-T] /, "")}”`,

  interval: "95% CI", points: " points", since: (day) => `On ${day}`, unchanged: "unchanged", target: "Target", copyPage: "Copy this summary", copyTable: "Copy the table", copyAddress: "Copy the address", copied: "Copied", print: "Print",
  behind: { enterprises: "These enterprises", members: "Those with members", organisation_coverage: "Organised enterprises", organisation_coverage_with_dual: "Enterprises reached by dual affiliation", dual_reach: "Enterprises with members nobody reaches", establishment_rate: "Establishment gaps" },
  ok: "", low_base: "rests on fewer than 30", unreliable: "rounding weighs", inconsistent: "more than all", unknown: "unknown", not_applicable: "not applicable", protected: "protected", noFigure: "no figure", mapSays: (what) => `The darker, the higher the ${what.toLowerCase()}; hatched: rests on fewer than 30. A click leads to the districts below.`,
  stays: (what) => `The service cannot be reached: these are the figures read before${what ? ` (${what})` : ""}.`, retry: "Try again", unreachable: "The service cannot be reached: check the network, then try again.", broke: "The page failed: load it again.", status: (code) => `The service answered with an error (${code}).`,
  exactOnly: "Public figures do not have this: it takes a key to exact ones.", notAllowed: "This takes a key with the right to it.", failed: "Not done: ", keyRefused: "The key is wrong, expired or revoked: the page goes on without one.", nowhere: (code) => `There is no district ${code} in this snapshot.`,

  more: (all, shown) => `${shown} of ${all} rows.`, showMore: "Show more", showAll: "Show all", rowsInAll: (all) => `${all} rows`, show: "Show", asked: "JSON", asTable: "As a table",
  sub: "Bar: organisation coverage; line across it: 95% interval; tick: the whole; faded: of few. A name leads to the districts below, a heading sorts.", unallocated: "Not in any of these", coarser: "At coarser places",
  trendSays: "Points are snapshots; between two the line stays where it was. Upright lines are 95% intervals; the band marks the chosen date.", founded: "joint organisation founded", breaks: "Breaks",
  broken: { settings: "settings", member_source: "source of members", trees: "districts or industries", format: "format of snapshots" },

  class: "Class", classMeaning: "low: below the reference, and below 0.8 of it; lower: below the reference, whether below 0.8 of it the data cannot tell", ratio: "Ratio", ratioMeaning: "Members per employee", reference: "Reference", referenceMeaning: "The ratio of all other industries here together",
  shortfall: "Shortfall", shortfallMeaning: "Members missing to the reference", q: "q", qMeaning: "The share of false alarms to expect if every industry with such a q or a smaller one is called low",
  classes: { low: "low", lower: "lower", higher: "higher", not_different: "not different", few_expected: "few expected", inconsistent: "inconsistent", not_applicable: "not applicable" },
  funnelSays: "Each point is an industry: the higher, the more members per employee; the further right, the more employees its ratio rests on, and the surer it is. On the left chance makes most of the differences; ask about those outside the lines that are triangles.",
  effective: "Effective employees", fewer: "← rests on few", moreEmployees: "rests on many →", limit95: "95% limits", limit998: "99.8% limits",
  lowNote: "Ratio: members per employee. Reference: that of all other industries here together. Shortfall: members missing to the reference. “Not different” with few employees means that the data cannot tell. “Low”: below the reference, and below 0.8 of it; “lower”: below it, whether below 0.8 of it the data cannot tell. The limits are those of one common ratio: where industries truly differ, many large ones lie outside. ",
  lowRounded: "Rounding makes the test weaker than on exact figures. ", unfiltered: "Not limited to the chosen enterprises.",

  targetsSay: "Targets of this scope that are due on the chosen date or later. The figure itself decides, the interval is beside it.", place: "Place", whom: "Of", due: "Due", now: "Now", state: "State", missingShort: "Missing", daysLeft: "Days left", basedOn: "Source",
  missing: (number) => `${number} missing`, until: (day) => ` by ${day}:`, targetStates: { met: "met", short: "short", cannot_tell: "cannot tell" },

  without_dual: "Without", with_dual: "With dual affiliation", joint: "Members taking part", jointBranches: (n) => `Branches of dual affiliation (${n})`, unreached: "Members nobody reaches", registerOnly: "needs a register of members",

  effect: "What it changes", before: "Now", after: "If all were founded", difference: "Difference", order: "Order", proposal: "Proposal", enterprisesIn: "Enterprises", coverageAfter: "Coverage so far", mustEstablish: "Must establish", attachTo: "To", andMore: (n) => `and ${n} more`,
  kinds: { standalone: "A branch of its own", joint: "A joint branch", attach: "Attach", instructor: "Send an instructor" },
  kindsMean: { standalone: "It has the full members for a branch of its own", joint: "Enterprises of one site or street together", attach: "To a branch of the same street", instructor: "No branch can take it: it stays unorganised" },
  kindNumber: (kind, n) => `${kind.toLowerCase()} × ${n}`, proposalsSay: (kinds, before, after) => `Proposed: ${kinds}. If all were done, organisation coverage would go from ${before} to ${after}.`,
  proposalNote: "In order: more that must establish first, then more members; found them from the top. The curve is organisation coverage after each. These are proposals and change no record.", foundedSoFar: "proposals done so far →",
  undecided: (n) => `Of ${n} further enterprises the full members are unknown: they are left out.`, nothingToFound: "There is nothing to propose.", toProposal: "Proposal", toGap: "Proposal", since_: "Since at least", means: "Means", candidates: "Candidate branches",
  gapsInAll: (n) => `${n} enterprises must establish an organisation and have none.`, noGaps: "No enterprise that must establish an organisation is without one.",
  meansOf: { standalone: "branch of its own", joint: "joint branch", area: "area branch", industry: "industry branch", attached: "attached", instructor: "instructor", liaison: "liaison", trade_union: "trade union", youth_league: "youth league" },

  enterprise: "Enterprise", reach: "Reached by", industry: "Industry", reached: { standalone: "branch of its own", organised: "organised", dual: "dual affiliation", work: "work means only", none: "nothing" },
  rowsOf: {
    "": "All enterprises", "organised=true": "Organised", "organised=false": "Not organised", "eligible=true": "Must establish", "eligible=true&organised=false": "Must establish and have not", "has_members=true": "With members", "reached_by_dual=true": "Reached by dual affiliation", "relation=unreached": "With members nobody reaches",
  },
  rowsOfBranch: (branch, relation) => `${branch ?? ""} ${relation ?? ""}`, relations: { participating: "members work here", covered: "covered", unreached: "with members nobody reaches" },
  find: { enterprises: "Find an enterprise", branches: "Find a branch" }, foundNumber: (n) => `${n} found`, backToList: "← Back to the list",
  kind: "Kind", sector: "Sector", ownership: "Ownership", size: "Size", registeredOn: "Registered", closedOn: "Closed", reportedOn: "Reported", operating: "Operating", activity: "Organisation active",
  coverage: "Coverage", branch: "Branch", from: "From", to: "To", noCoverage: "There is no coverage.", memberCounts: "Members and employees, as counts", returns_: "Returns",
  subtreeSays: "Persons include those of branches below, each counted once.", dualBranch: "dual affiliation", establishedOn: "Established", own: "Own", withBelow: "With those below", branchFigures: "Figures of the branch", parentBranch: "Above it", takesDual: "Takes dual affiliation", covers: "Covers",
  membersFrom: "Members from", enterprisesOf: (n) => `${n} enterprises`, workplaces: "Where those who take part work", branchesBelow: "Branches below", elsewhere: "Elsewhere (not registered, or withheld)", noEmployer: "Without an employer", withoutDual: "Members there without dual affiliation",

  dataset: "Dataset", file: "File", check: "Check", takeIn: "Take in, build the snapshot", skipRows: "Skip rows with errors", ignoreUnknown: "Ignore unknown columns", build: "Snapshot of", template: "Get the template", templateFile: (name) => `template ${name}`,
  stepTemplate: "Get the template, fill it in", stepCheck: "Send it to be checked", stepTake: "Take it in, build the snapshot", uploadNote: "Your own ledger will do too: a file in CSV, XLSX or Parquet, with headers in Chinese or English.", takeNote: "A file without errors can be taken in; taken in twice it changes nothing.",
  severity: "Severity", severities: { error: "error", warning: "warning" }, sending: "Sending", queued: "Waiting for its turn",
  phases: { reading: "Reading", checking: "Checking", writing: "Writing", computing: "Computing", "adding up": "Adding up", "waiting for its turn": "Waiting for its turn" },
  done: (d) => `Done: ${d.inserted} new, ${d.changed} changed, ${d.unchanged} unchanged, ${d.errors} with errors.`,
  checked: (d) => `Checked, nothing written: ${d.inserted} new, ${d.changed} changed, ${d.unchanged} unchanged, ${d.errors} with errors.`,
  problems: "Problems", eachProblem: (n) => `Problems row by row (${n})`, closest: (codes) => ` (the closest: ${codes})`, counts: "Problems by kind", remarks: "Download the file with remarks (XLSX)", remarksFile: "remarks",
  moreProblems: (n, shown) => `${n} problems in all; these are the first ${shown}.`, states: { failed: "failed", interrupted: "interrupted: send it again", succeeded: "done" },
  snapshotMade: "Snapshot built:", toVersions: "Compare and release", stale: "The figures do not know of it yet.", buildAnew: "Build anew the snapshot of", row: "Row", column: "Column", message: "What is wrong",
  datasets: {
    ledger: "Ledger", returns: "Returns", enterprises: "Enterprises", branches: "Branches", coverage: "Coverage", "branch-returns": "Branches by month", members: "Members",
    employments: "Employments", affiliations: "Affiliations", districts: "Districts", industries: "Industries", "industry-groups": "Industry groups", targets: "Targets",
  },
  rule: (code) => code.replaceAll("_", " "),

  versionsSay: "Only keys that may write or release see drafts: compare first, then release.", versionStates: { draft: "draft", released: "released", withdrawn: "withdrawn" }, built: "Built", note: "Note", revises: "revises", look: "View", compare: "Compare", release: "Release", withdraw: "Withdraw", cancel: "Cancel",
  decide: { release: (day, id) => `Release snapshot ${id} of ${day}? Everybody will see it.`, withdraw: (day, id) => `Withdraw snapshot ${id} of ${day}? Nobody will see it any more.` }, decided: { release: (day, id) => `Snapshot ${id} of ${day} is released.`, withdraw: (day, id) => `Snapshot ${id} of ${day} is withdrawn.` },
  comparison: "Comparison", older: "Before", newer: "After", byPlace: "Changes by place", nothingChanged: "Enterprises, organisations and members are the same.", rateEffect: "by ratios of industries", mixEffect: "by their mix", organisedMoves: (more, less) => `${more} newly organised, ${less} no longer.`,
  accounts: { entered: "New", left: "Gone", moved_in: "Moved in", moved_out: "Moved out", within: "Other change" }, reporting: "Reporting rate", finding: "Finding",
};
