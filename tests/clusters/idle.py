"""A server of Spark Connect that says of tokens, and of a query that nobody works on, what Apache Spark 4.2 says."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from pyspark.sql.connect.proto import base_pb2, base_pb2_grpc


@contextmanager
def idle(token: str) -> Iterator[int]:
    """Give the port of one that asks for a token and has no workers."""
    server = grpc.server(ThreadPoolExecutor())
    base_pb2_grpc.add_SparkConnectServiceServicer_to_server(_Idle(token), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


class _Idle(base_pb2_grpc.SparkConnectServiceServicer):  # type: ignore[misc] # it has no types
    def __init__(self, token: str) -> None:
        self._token = token

    def ExecutePlan(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - its name there
        given = dict(context.invocation_metadata()).get("authorization")
        if given != f"Bearer {self._token}":
            said = "No authentication token provided" if given is None else "Invalid authentication token"
            context.abort(grpc.StatusCode.UNAUTHENTICATED, said)
        answer = base_pb2.ExecutePlanResponse(session_id=request.session_id, operation_id=request.operation_id)
        if request.plan.command.HasField("sql_command"):  # a text is given a name, and answered later
            answer.sql_command_result.relation.CopyFrom(request.plan.command.sql_command.input)
            yield answer
            answer.result_complete.SetInParent()
            yield answer
            return
        answer.execution_progress.stages.add(num_tasks=1)
        while context.is_active():
            yield answer
            time.sleep(0.2)

    def ReleaseExecute(self, request: Any, _context: Any) -> Any:  # noqa: N802 - as above
        return base_pb2.ReleaseExecuteResponse(session_id=request.session_id, operation_id=request.operation_id)

    def ReleaseSession(self, request: Any, _context: Any) -> Any:  # noqa: N802 - as above
        return base_pb2.ReleaseSessionResponse(session_id=request.session_id)
