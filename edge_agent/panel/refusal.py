"""What a request gets that is refused; the documented form of every error."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge_agent.panel.wire import Failed, Fault


class Refused(Exception):
    """Raised by whoever refuses; becomes the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        *,
        retryable: bool = False,
        retry_after_s: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.fault = Fault(code=code, message=message, hint=hint, retryable=retryable)
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        headers = {"retry-after": str(self.retry_after_s)} if self.retry_after_s else {}
        body = Failed(error=self.fault).model_dump()
        return JSONResponse(body, self.status, headers)


async def refused(request: Request, error: Exception) -> Response:
    """For Starlette: the answer to what a handler raised."""
    assert isinstance(error, Refused)
    return error.response()


_OF_STARLETTE = {
    404: ("not-found", "there is nothing here"),
    405: ("method", "not with this method"),
}


async def not_served(request: Request, error: Exception) -> Response:
    """For Starlette: what it refuses by itself, in our form."""
    assert isinstance(error, HTTPException)
    code, message = _OF_STARLETTE.get(error.status_code, ("bad-request", str(error.detail)))
    return Refused(error.status_code, code, message).response()
