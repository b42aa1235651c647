"""What a database that cannot answer is said to be: password, name, host and load are told apart."""

import pytest
from sqlalchemy.exc import OperationalError

from app.cli.errors import misspelt_settings
from app.config import Settings
from app.database.engines import make_sync_engine
from app.database.outages import DatabaseUnavailable, outages_named
from tests.engines.server import PostgresServer


def outage(url: str) -> DatabaseUnavailable:
    engine = make_sync_engine(url)
    try:
        with pytest.raises(DatabaseUnavailable) as caught, outages_named(), engine.connect():
            pass
    finally:
        engine.dispose()
    return caught.value


def test_a_wrong_password_a_missing_database_and_a_closed_port_are_told_apart(postgres_server: PostgresServer) -> None:
    here = postgres_server.maintenance
    address = f"{here.host}:{here.port}"
    asked = {
        "refused the user or the password": here.set(password="wrong"),
        "does not exist on the server": here.set(database="nowhere"),
        "is not reachable": here.set(port=9),
        "is not known": here.set(host="nowhere.invalid"),
    }
    for said, url in asked.items():
        error = outage(url.render_as_string(hide_password=False))
        assert said in str(error)
        assert address not in str(error)
    closed = outage(here.set(port=9).render_as_string(hide_password=False))
    assert closed.address == f"{here.host}:9"


def test_a_defect_is_no_outage_when_a_statement_is_wrong(postgres_server: PostgresServer) -> None:
    engine = make_sync_engine(postgres_server.maintenance.render_as_string(hide_password=False))
    with pytest.raises(Exception, match="syntax error") as caught, outages_named(), engine.connect() as connection:
        connection.exec_driver_sql("SELEC 1")
    engine.dispose()
    assert not isinstance(caught.value, DatabaseUnavailable | OperationalError)


def test_a_misspelt_setting_is_named_with_the_one_that_is_meant() -> None:
    given = {"ORGCOVERAGE_DATADIR": "x", "ORGCOVERAGE_DATA_DIR": "x", "ORGCOVERAGE_KEY": "x", "OTHER": "x"}
    assert misspelt_settings(given) == {"ORGCOVERAGE_DATADIR": "ORGCOVERAGE_DATA_DIR"}
    assert misspelt_settings({"ORGCOVERAGE_XYZZY": "x"}) == {"ORGCOVERAGE_XYZZY": None}


@pytest.mark.parametrize(
    ("origin", "is_taken"),
    [
        ("https://dash.example", True),
        ("http://127.0.0.1:3000", True),
        ("http://[::1]:3000", True),
        ("https://dash.example/", False),
        ("https://Dash.example", False),
        ("https://dash.example:443", False),
        ("dash.example", False),
        ("*", False),
        ("https://*.example", False),
    ],
)
def test_an_origin_is_refused_when_no_page_can_be_of_it(origin: str, *, is_taken: bool) -> None:
    if is_taken:
        assert Settings(_env_file=None, cors_origins=(origin,)).cors_origins == (origin,)
    else:
        with pytest.raises(ValueError, match="an origin is https://host"):
            Settings(_env_file=None, cors_origins=(origin,))
