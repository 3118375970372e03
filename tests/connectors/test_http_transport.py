"""Against a socket that misbehaves: what may have arrived is never taken for what was not sent."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from connectors.http_transport import AiohttpTransport
from connectors.outcomes import NOT_SENT

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[str]:
    handlers: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            handlers.discard(task)

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


@asynccontextmanager
async def client(read: float = 5.0) -> AsyncIterator[httpx.AsyncClient]:
    times = httpx.Timeout(read, connect=1.0)
    async with httpx.AsyncClient(
        transport=AiohttpTransport(), timeout=times, trust_env=False
    ) as http:
        yield http


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
    return head + (await reader.readexactly(lengths[0]) if lengths else b"")


async def test_what_is_sent_arrives_byte_for_byte() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(OK)
        await writer.drain()

    async with peer(answer) as url, client() as http:
        response = await http.post(
            f"{url}/a%2Fb?since=1%2C2&x=%E8%AF%89", content=b"{}", headers={"X-Sign": "s"}
        )
    assert (response.status_code, response.content) == (200, b"ok")
    assert seen[0].startswith(b"POST /a%2Fb?since=1%2C2&x=%E8%AF%89 HTTP/1.1\r\n")
    assert b"x-sign: s\r\n" in seen[0].lower()
    assert seen[0].endswith(b"\r\n\r\n{}")


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nha")
    await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.transport.abort()


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"220 mail.test ESMTP\r\n\r\n")
    await writer.drain()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    await asyncio.Event().wait()


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("answer", [hang_up, break_off, reset, no_http, silence])
async def test_after_the_request_was_sent_nothing_is_called_not_sent(
    answer: Answer, method: str
) -> None:
    tries = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await answer(reader, writer)

    async with peer(counted) as url, client(read=0.3) as http:
        with pytest.raises(httpx.TransportError) as error:
            await http.request(method, f"{url}/x", content=b"{}")
    assert not isinstance(error.value, NOT_SENT)
    assert tries == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_kept_connection_that_ends_under_a_call_is_not_tried_again(method: str) -> None:
    tries = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        for body in (OK, b""):
            await request_of(reader)
            tries += 1
            writer.write(body)
            await writer.drain()

    async with peer(once) as url, client() as http:
        await http.request(method, f"{url}/x")
        with pytest.raises(httpx.TransportError) as error:
            await http.request(method, f"{url}/x")
    assert not isinstance(error.value, NOT_SENT)
    assert tries == 2


async def test_a_connection_that_its_peer_has_ended_between_calls_is_not_used() -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK)
        await writer.drain()

    async with peer(one) as url, client() as http:
        assert [(await http.post(url, content=b"{}")).status_code for _ in range(10)] == [200] * 10


async def test_a_name_that_is_looked_up_for_ever_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def for_ever(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", for_ever)
    times = httpx.Timeout(10.0, connect=0.05)
    async with (
        asyncio.timeout(5.0),
        httpx.AsyncClient(transport=AiohttpTransport(), timeout=times, trust_env=False) as http,
    ):
        with pytest.raises(httpx.ConnectTimeout):
            await http.post("http://peer.test/x", content=b"{}")


async def test_a_name_and_password_in_the_address_become_a_header() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(OK)
        await writer.drain()

    async with peer(answer) as url, client() as http:
        await http.post(url.replace("//", "//hub:secret@") + "/x", content=b"{}")
    assert base64.b64encode(b"hub:secret") in seen[0]
    assert b"hub:secret" not in seen[0]


@pytest.mark.parametrize(
    ("host", "header"), [("", "two\r\nX-Other: lines"), ("a..b", "a"), ("a" * 70, "a")]
)
async def test_what_cannot_be_written_is_an_error_of_http(host: str, header: str) -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        seen.append(await reader.read())

    async with peer(answer) as url, client() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://{host}/" if host else url, headers={"X-One": header})
    assert not any(seen)


async def test_nobody_there_is_not_sent() -> None:
    async with peer(hang_up) as url:
        pass
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.post(f"{url}/x", content=b"{}")


async def test_a_name_that_nobody_has_is_not_sent() -> None:
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://peer.invalid/x")


async def test_a_peer_without_tls_is_not_sent_anything() -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()

    async with peer(plain) as url, client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(url.replace("http:", "https:"))


async def test_a_client_closed_while_an_answer_is_read_says_so_as_an_error_of_http() -> None:
    begun = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nha")
        await writer.drain()
        await asyncio.Event().wait()

    async def read(transport: AiohttpTransport, url: str) -> None:
        response = await transport.handle_async_request(httpx.Request("GET", url))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            async for _ in response.stream:
                begun.set()
                await transport.aclose()
        finally:
            await response.stream.aclose()

    async with peer(half) as url:
        with pytest.raises(httpx.TransportError) as error:
            await read(AiohttpTransport(), url)
    assert begun.is_set()
    assert not isinstance(error.value, NOT_SENT)


async def test_an_answer_left_half_read_does_not_spoil_the_next() -> None:
    async def long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_of(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000)
            await writer.drain()

    async with peer(long) as url, client() as http:
        for _ in range(2):
            async with http.stream("GET", f"{url}/x") as response:
                async for piece in response.aiter_bytes():
                    assert piece[:1] == b"x"
                    break
