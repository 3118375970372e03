"""The wire to the province: signed operations; result codes become the four ConnectorErrors."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from connectors.provincial import codes
from connectors.provincial.signature import Profile, signature
from connectors.provincial.translate import Report, Result, result_of
from connectors.soap_client import SoapClient
from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)


class _Returned(BaseModel):
    """The one element of every response: a document in a string."""

    result: str


@dataclass(frozen=True)
class Credentials:
    app_key: str
    secret: str
    profile: Profile


@dataclass(frozen=True)
class Client:
    """name: of the settings entry, for errors. now: the clock that requests are signed with."""

    name: str
    soap: SoapClient
    credentials: Credentials
    now: Callable[[], datetime]

    async def ping(self) -> None:
        await self._call("ping", changes=False)

    async def issued(self, cursor: str, limit: int) -> Result:
        return await self._call("getIssuedTickets", changes=False, cursor=cursor, limit=str(limit))

    async def report(self, report: Report) -> Result:
        return await self._call(report.operation, changes=True, reportXml=report.document)

    async def reported(self, serial_no: str) -> Result | None:
        """What became of an earlier report; None when it never arrived."""
        try:
            return await self._call("queryReport", changes=False, serialNo=serial_no)
        except RequestRefused as refusal:
            if refusal.peer_code == codes.NOT_FOUND:
                return None
            raise

    async def close(self) -> None:
        await self.soap.close()

    async def _call(self, operation: str, *, changes: bool, **arguments: str) -> Result:
        timestamp = str(int(self.now().timestamp() * 1000))
        mine = self.credentials
        signed = signature(mine.profile, mine.secret, mine.app_key, timestamp, operation, arguments)
        returned = await self.soap.call(
            operation,
            _Returned,
            changes=changes,
            appKey=mine.app_key,
            timestamp=timestamp,
            signature=signed,
            **arguments,
        )
        try:
            # off the loop: a page of tickets takes long enough to be felt by other calls
            result = await asyncio.to_thread(result_of, returned.result, self.name)
        except PayloadNotUnderstood as error:
            if changes:  # the call arrived, whatever its answer was
                raise PeerUnavailable(self.name, error.detail, uncertain=True) from error
            raise
        if result.code not in codes.DONE:
            raise self._refusal(result, changes=changes)
        return result

    def _refusal(self, result: Result, *, changes: bool) -> ConnectorError:
        code, words = result.code, result.message[:300]
        if code in codes.CREDENTIAL_CODES:
            return CredentialRefused(self.name, words, peer_code=code)
        if code in codes.REFUSAL_CODES or code == codes.NOT_FOUND:
            return RequestRefused(self.name, words, peer_code=code)
        if code == codes.BUSY_CODE:
            return PeerUnavailable(self.name, words, peer_code=code)
        if code == codes.TROUBLE_CODE:
            return PeerUnavailable(self.name, words, peer_code=code, uncertain=changes)
        return PayloadNotUnderstood(self.name, f"unknown result code: {words}", peer_code=code)
