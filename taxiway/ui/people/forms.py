"""What a form of ours sends."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from taxiway.access.refusal import Code, Refusal
from taxiway.ui.people.sessions import Session

_MOST_FIELDS = 20


async def form_of(request: Request, session: Session) -> dict[str, str]:
    """The fields of a form that is the browser's own.

    Raises:
      Refusal: it is of another page than ours, or of before the server was started.
    """
    body = await request.body()
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refusal(Code.INVALID, "the form cannot be read") from None
    if session.is_new or not session.proves(fields.pop("proof", "")):
        raise Refusal(
            Code.FORBIDDEN,
            "the form is not of a page that this server has shown to this browser; "
            "go back, load the page again, and send it then",
        )
    return fields
