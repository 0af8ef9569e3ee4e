"""The sandbox's own addresses, which no real portal has: faults and the record of calls, for tests over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import account_of
from kbsync.sandbox.api.calls import body_of
from kbsync.sandbox.api.gate import check_key
from kbsync.sandbox.api.refusals import Refused, coded
from kbsync.sandbox.api.routes import answer_to
from kbsync.sandbox.faults import fault_from_json

Endpoint = Callable[[Request], Awaitable[Response]]


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            check_key(request, account_of(request))
            return await endpoint(request)
        except Refused as refused:
            return answer_to(refused)

    return guarded


async def _faults(request: Request) -> Response:
    faults = account_of(request).faults
    if request.method == "POST":
        try:
            faults.add(fault_from_json(await body_of(request)))
        except ValueError as error:
            raise coded(400, "invalid_value", str(error)) from None
    elif request.method == "DELETE":
        faults.clear()
    return JSONResponse([asdict(fault) for fault in faults.waiting()])


async def _calls(request: Request) -> Response:
    calls = account_of(request).calls
    if request.method == "DELETE":
        calls.clear()
    return JSONResponse([asdict(call) for call in calls])


ROUTES = [
    Route("/sandbox/faults", _guarded(_faults), methods=["GET", "POST", "DELETE"]),
    Route("/sandbox/calls", _guarded(_calls), methods=["GET", "DELETE"]),
]
