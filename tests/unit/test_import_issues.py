from collections.abc import Iterator

import msgspec

from app.imports.issues import IssueLog, RowIssue, Rule, Severity, row_issue
from app.messages import say


def test_a_rule_says_how_severe_it_is() -> None:
    warnings = {rule for rule in Rule if rule.severity is Severity.WARNING}
    assert warnings == {
        Rule.CHECK_DIGIT,
        Rule.CASE_VARIANT,
        Rule.MEMBERS_ABOVE_HEADCOUNT,
        Rule.RETURN_OUTSIDE_REGISTRATION,
        Rule.BRANCH_RETURN_OUTSIDE_LIFE,
        Rule.EMPLOYMENT_OUTSIDE_REGISTRATION,
        Rule.HEADCOUNT_JUMP,
        Rule.MEMBER_SOURCE_CHANGE,
    }


def test_the_log_lists_up_to_its_limit_and_counts_the_rest() -> None:
    log = IssueLog(limit=3)
    made = []

    def issues() -> Iterator[RowIssue]:
        for row in range(5, 0, -1):
            made.append(row)
            yield row_issue(row, "code", "x", Rule.INVALID_CODE, "wrong")

    log.add_many(Rule.INVALID_CODE, "code", 5, issues())
    assert (log.errors, log.warnings) == (5, 0)
    assert [issue.row for issue in log.listed] == [3, 4, 5]
    assert made == [5, 4, 3]


def test_errors_come_before_warnings_when_the_list_is_full() -> None:
    log = IssueLog(limit=2)
    for row in (2, 3, 4):
        log.add(row_issue(row, "code", None, Rule.CHECK_DIGIT, "looks wrong"))
    log.add(row_issue(9, "name", None, Rule.REQUIRED, "blank"))
    assert [(issue.row, issue.severity) for issue in log.listed] == [(2, "warning"), (9, "error")]
    assert (log.errors, log.warnings) == (1, 3)


def test_values_of_hidden_columns_are_never_kept() -> None:
    log = IssueLog({"ref"})
    log.add(row_issue(2, "ref", "P-1", Rule.INVALID_CODE, "wrong"))
    log.add(row_issue(2, "name", "张三", Rule.INVALID_TEXT, "wrong"))
    log.hide("name")
    log.add(row_issue(3, "name", "李四", Rule.INVALID_TEXT, "wrong"))
    assert [issue.value for issue in log.listed] == [None, None, None]


def test_a_long_value_is_cut() -> None:
    assert row_issue(2, "name", "x" * 101, Rule.INVALID_TEXT, "long").value == "x" * 100 + "…"


def test_an_issue_is_kept_in_both_languages() -> None:
    message = say("must not be above {whole}", whole=say("members"))
    issue = row_issue(3, "full_members", "9", Rule.PART_ABOVE_MEMBERS, message, ("8",))
    again = msgspec.json.decode(msgspec.json.encode(issue), type=RowIssue)
    assert again == issue
    assert (again.message, again.told.said("zh")) == ("must not be above members", "不得大于党员")


def test_problems_are_counted_by_rule_and_column_and_name_the_column_as_the_file_does() -> None:
    log = IssueLog(titles={"headcount": "职工人数"}, limit=2)
    for row in (2, 3, 4):
        log.add(row_issue(row, "headcount", "十", Rule.INVALID_COUNT, "wrong"))
    log.add(row_issue(2, "code", None, Rule.CHECK_DIGIT, "looks wrong"))
    log.add(row_issue(5, None, None, Rule.RAGGED_ROW, "has 3 cells"))
    assert [(it.rule, it.column, it.header, it.number) for it in log.counts] == [
        ("invalid_count", "headcount", "职工人数", 3),
        ("ragged_row", None, None, 1),
        ("check_digit", "code", None, 1),
    ]
    assert [issue.header for issue in log.listed] == ["职工人数", "职工人数"]
