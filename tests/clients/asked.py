"""The main questions, asked with the Python client of openapi-generator: `python asked.py ADDRESS`."""

import sys
import time

import pytest
from openapi_client import (
    ApiClient,
    Configuration,
    DatasetName,
    DistrictFormat,
    ImportsApi,
    JobsApi,
    JobState,
    Problem,
    RegistryApi,
    StatisticsApi,
)
from openapi_client.exceptions import NotFoundException

DISTRICT = "350203"

LEDGER = b"code,name,reported_on,headcount,members\nGENERATED-1,Example,2017-06-30,20,3\n"


def ask_districts(client: ApiClient) -> None:
    page = StatisticsApi(client).list_district_statistics(parent=DISTRICT)
    listed = sum(row.counts.members for row in page.data)
    assert listed + page.unallocated.counts.members == page.total.counts.members
    assert page.next_cursor is None


def ask_enterprises(client: ApiClient) -> None:
    page = StatisticsApi(client).list_enterprise_statistics(district=[DISTRICT], organised=False, limit=5)
    assert len(page.data) == 5
    assert page.unallocated is None
    assert page.next_cursor


def ask_wrongly(client: ApiClient) -> None:
    with pytest.raises(NotFoundException) as refusal:
        RegistryApi(client).get_district("nowhere")
    problem = refusal.value.data
    assert isinstance(problem, Problem)
    assert problem.status == 404


def ask_for_a_file(client: ApiClient) -> None:
    content = StatisticsApi(client).export_district_statistics(DistrictFormat.CSV, parent=DISTRICT)
    assert bytes(content).startswith(b"row,code,")


def send_a_file(client: ApiClient) -> None:
    accepted = ImportsApi(client).create_import(dataset=DatasetName.LEDGER, body=LEDGER, dry_run=True).data
    while (job := JobsApi(client).get_job(accepted.job_id).data).state in {JobState.QUEUED, JobState.RUNNING}:
        time.sleep(0.1)
    assert job.state is JobState.SUCCEEDED
    assert ImportsApi(client).get_import(accepted.id).data.result.inserted == 1


QUESTIONS = (ask_districts, ask_enterprises, ask_wrongly, ask_for_a_file, send_a_file)

with ApiClient(Configuration(host=sys.argv[1])) as service:
    for ask in QUESTIONS:
        ask(service)
print(f"{len(QUESTIONS)} questions answered")
