"""The door's own route: a second `trailmark start` asks the running client for another address."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from trailmark.web.security import KEY_PATH, Refused
from trailmark.web.site import Here

router = APIRouter(include_in_schema=False)


class NewAddress(BaseModel):
    """An address that opens a session, once."""

    address: str


@router.post(KEY_PATH)
def new_address(request: Request, site: Here) -> NewAddress:
    """Give a new address to whoever can read this client's state file. Raises Refused."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not site.door.is_secret(given):
        raise Refused("Only the owner of this Trailmark home may ask for an address. Run `trailmark start`.")
    return NewAddress(address=site.door.new_address())
