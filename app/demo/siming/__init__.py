"""Invented demonstration data of Siming district (思明区, 350203), Xiamen.

Streets and sites are real; every enterprise, branch, member, date and count is invented, and names of enterprises and
branches say so (示例). The data show what the service is for: many internet start-ups without a branch, a joint
committee with seven functional branches founded on 2017-06-25, and the effect of dual affiliation from then on. There
are no names of persons.
"""

from pathlib import Path

from app.demo.files import DatasetFile, copy_data, write_rows
from app.demo.siming.branches import join_committee, organise
from app.demo.siming.enterprises import REPORT_DATES, draw_enterprises
from app.demo.siming.meetings import draw_meetings
from app.demo.siming.people import draw_people
from app.demo.siming.returns import state_returns

SIMING_DATES = REPORT_DATES
"""Dates of the demonstration's snapshots: the quarter ends from 2016-09-30 to 2017-09-30."""


def write_siming(folder: Path) -> list[DatasetFile]:
    """Write the demonstration's registry as CSV files, the same bytes every time.

    Parameters
    ----------
    folder
        An existing folder; files of the same name are replaced.

    Returns
    -------
    list of DatasetFile
        In import order, for a registry with the shipped districts and industries: two sites, industry groups,
        enterprises, returns, branches, coverage, branch returns, targets, members, employments, affiliations.
    """
    enterprises = draw_enterprises()
    organisation = organise(enterprises)
    people = join_committee(draw_people(enterprises, organisation.workplaces), enterprises)
    return [
        copy_data(folder, "districts", "siming_districts.csv"),
        copy_data(folder, "industry-groups", "industry_groups.csv"),
        write_rows(folder, "enterprises", [enterprise.row for enterprise in enterprises]),
        write_rows(folder, "returns", state_returns(enterprises, people)),
        write_rows(folder, "branches", organisation.branches),
        write_rows(folder, "coverage", organisation.coverage),
        write_rows(folder, "branch-returns", draw_meetings(organisation.branches, people)),
        copy_data(folder, "targets", "siming_targets.csv"),
        write_rows(folder, "members", [person.member for person in people]),
        write_rows(folder, "employments", [job for person in people for job in person.jobs]),
        write_rows(folder, "affiliations", [row for person in people for row in person.affiliations]),
    ]
