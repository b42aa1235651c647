"""A registry of two counties, with something in each of them, between them and nowhere: for keys that cover one."""

from tests.factories.importing import TREES

SCOPE = frozenset({"350203"})
"""The first county; the second is 350206."""

TWO_COUNTIES = {
    "districts": f"""{TREES["districts"]}
        350206,3502,county,湖里区
        350206001,350206,street,湖里街道""",
    "industries": TREES["industries"],
    "industry-groups": TREES["industry-groups"],
    # The latest return says where an enterprise is, else its registration.
    "enterprises": """code,name,district_code,supersedes
        in,内,350203008,
        out,外,350206001,
        came,来,350206001,
        went,去,350203008,
        nowhere,无,,
        heir,承,350203008,out""",
    "returns": """enterprise_code,reported_on,district_code,headcount
        came,2016-06-30,350206001,5
        came,2017-06-30,350203008,5
        went,2016-06-30,350203008,5
        went,2017-06-30,350206001,5
        in,2017-06-30,,5
        out,2017-06-30,,5""",
    "branches": """code,name,kind,parent_code,district_code,dual_affiliation
        city,市,committee,,3502,yes
        bin,内,branch,city,350203,yes
        bout,外,branch,city,350206,yes
        below,下,branch,bout,350203008,no""",
    "coverage": """enterprise_code,branch_code,means,start_on
        in,bin,joint,2016-01-01
        in,bout,area,2016-01-01
        in,,liaison,2016-01-01
        out,bin,joint,2016-01-01
        out,bout,area,2016-01-01""",
    # By employer, by branch, by both, by the last employer, by a later branch only; and one who has neither.
    "members": """ref,joined_on
        m-in,2010-07-01
        m-out,2010-07-01
        m-branch,2010-07-01
        m-both,2010-07-01
        m-left,2010-07-01
        m-went,2010-07-01
        m-dual,2010-07-01
        m-new,2010-07-01""",
    "employments": """member_ref,enterprise_code,start_on,end_on
        m-in,in,2016-01-01,
        m-out,out,2016-01-01,
        m-branch,out,2016-01-01,
        m-both,in,2016-01-01,
        m-left,out,2012-01-01,2016-01-01
        m-left,in,2016-01-01,2017-01-01
        m-went,in,2012-01-01,2016-01-01
        m-went,out,2016-01-01,""",
    "affiliations": """member_ref,branch_code,role,start_on,end_on
        m-branch,bin,primary,2016-01-01,
        m-both,bout,primary,2016-01-01,
        m-out,bin,secondary,2016-01-01,
        m-dual,bin,secondary,2016-01-01,""",
}
"""Files in the order in which an empty registry takes them."""

MEMBERS_INSIDE = ("m-both", "m-branch", "m-in", "m-left")
"""Refs of the members who belong to the first county."""
