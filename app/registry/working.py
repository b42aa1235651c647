"""Who works on a date, as SQL conditions for all databases; `{as_of}` is the date as a literal.

For tables (or subqueries) named `employment` and `member`. Used in the facts' statements and for the source of members
in imports.
"""

IS_EMPLOYED = "employment.start_on <= {as_of} AND (employment.end_on IS NULL OR employment.end_on > {as_of})"

IS_MEMBER = "member.joined_on <= {as_of} AND (member.left_on IS NULL OR member.left_on > {as_of})"
