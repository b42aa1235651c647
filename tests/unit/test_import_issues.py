from collections.abc import Iterator

import msgspec

from app.imports.issues import IssueLog, RowIssue, Rule, Severity, row_issue


def test_a_rule_says_how_severe_it_is() -> None:
    warnings = {rule for rule in Rule if rule.severity is Severity.WARNING}
    assert warnings == {
        Rule.CHECK_DIGIT,
        Rule.MEMBERS_ABOVE_HEADCOUNT,
        Rule.RETURN_OUTSIDE_REGISTRATION,
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

    log.add_many(Rule.INVALID_CODE, 5, issues())
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


def test_an_issue_is_encoded_by_its_values() -> None:
    encoded = msgspec.json.encode(row_issue(None, None, None, Rule.CYCLE, "a cycle"))
    assert msgspec.json.decode(encoded) == {
        "row": None,
        "column": None,
        "value": None,
        "severity": "error",
        "rule": "cycle",
        "message": "a cycle",
        "allowed": [],
    }
