"""What failed calls have in common: errors and HTTP statuses that leave no doubt what was done."""

import httpx

# the call did not get as far as the peer's program
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
# statuses that say "not now": nothing was done
NOT_NOW = frozenset({408, 425, 429, 503})
NO_CREDENTIAL = frozenset({401, 403})
