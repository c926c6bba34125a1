"""Bytes in, requests out: as HTTP/1.1 has it, however they are cut."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.http_request import MAX_BODY_BYTES, MAX_HEAD_BYTES, HttpRequest, RequestReader

POST = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target:  T \t\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = (
    b"POST /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\nX-Twice: one\r\nx-twice: two\r\n"
    b"\r\n2\r\n{ \r\n1;x=y\r\n}\r\n0\r\nX-Trailer: t\r\n\r\n"
)
UPGRADE = (
    b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
    b"Content-Length: 4\r\n\r\n{  }"
)
OLD = b"GET http://host/_simulator/stats?x HTTP/1.0\r\n\r\n"


def read(*pieces: bytes) -> tuple[list[HttpRequest], HTTPStatus | None]:
    """The requests in `pieces`, read at 0, 1, 2, ..., and what answers the rest."""
    reader = RequestReader()
    requests = [request for at, piece in enumerate(pieces) for request in reader.feed(piece, float(at))]
    return requests, reader.refusal


def same(request: HttpRequest) -> tuple[object, ...]:
    """All of a request but for its arrival."""
    return request.method, request.path, request.query, request.headers, request.body, request.keep_alive


def test_a_request() -> None:
    """Method, path, headers without the space around them, body."""
    (request,), refusal = read(POST)
    assert refusal is None
    assert (request.method, request.path, request.query, request.body) == (b"POST", b"/", b"", b"{}")
    assert request.headers == {b"host": b"x", b"x-amz-target": b"T", b"content-length": b"2"}
    assert request.keep_alive
    assert not request.is_too_long


def test_chunks_trailers_and_repeated_headers() -> None:
    """The body is put together, trailers are no headers, and a header that comes twice has both values."""
    (request,), _ = read(CHUNKED)
    assert (request.path, request.query, request.body) == (b"/a/b", b"c=d&e", b"{ }")
    assert request.headers == {
        b"host": b"x",
        b"transfer-encoding": b"chunked",
        b"x-empty": b"",
        b"x-twice": b"one,two",
    }


def test_a_header_twice_with_the_same_value() -> None:
    """Is there twice."""
    (request,), _ = read(b"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nA: 1\r\n\r\n")
    assert request.headers[b"a"] == b"1,1"


@given(
    stream=st.lists(st.sampled_from([POST, CHUNKED, UPGRADE]), max_size=5).map(b"".join),
    last=st.sampled_from([b"", OLD, OLD + b"more", POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]),
    data=st.data(),
)
def test_however_the_bytes_are_cut(stream: bytes, last: bytes, data: st.DataObject) -> None:
    """The same requests come out, each stamped with the piece that its last byte was in."""
    stream += last
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    bounds = list(zip([0, *cuts], [*cuts, len(stream)], strict=True))
    requests, refusal = read(*(stream[start:end] for start, end in bounds))
    whole, _ = read(stream)
    assert refusal is None
    assert [same(request) for request in requests] == [same(request) for request in whole]
    arrivals = [request.arrived_at for request in requests]
    assert arrivals == sorted(arrivals)
    if requests and last == b"":
        final = max(index for index, (start, end) in enumerate(bounds) if end > start)
        assert requests[-1].arrived_at == final


def test_an_upgrade_is_ignored() -> None:
    """As a server may; its body and the next request are not the other protocol's."""
    requests, refusal = read(UPGRADE + POST)
    assert refusal is None
    assert [request.body for request in requests] == [b"{  }", b"{}"]
    assert b"upgrade" not in requests[0].headers


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_the_connection_stays_open(head: bytes, *, keep_alive: bool) -> None:
    """By version and header; nothing is read after the last request."""
    requests, refusal = read(head + POST, POST)
    assert refusal is None
    assert requests[0].keep_alive is keep_alive
    assert len(requests) == (3 if keep_alive else 1)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # without Host
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        b"GET / HTTP/3.7\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    ],
)
def test_garbage_is_refused(garbage: bytes) -> None:
    """What came before it is not, and what comes after it is passed over."""
    requests, refusal = read(POST + garbage, POST)
    assert len(requests) == 1
    assert refusal is HTTPStatus.BAD_REQUEST


def test_a_tunnel_is_refused() -> None:
    """CONNECT is for proxies."""
    assert read(b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n" + POST) == ([], HTTPStatus.METHOD_NOT_ALLOWED)


@given(size=st.sampled_from([1, 1000, MAX_HEAD_BYTES, 1 << 20]), excess=st.sampled_from([-100, 100]))
def test_a_head_that_is_too_long(size: int, excess: int) -> None:
    """Is refused at the same length, in one piece and in many, finished or not."""
    filling = MAX_HEAD_BYTES + excess - 50
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * filling + b"\r\n\r\n"
    requests, refusal = read(*(head[start : start + size] for start in range(0, len(head), size)))
    assert (len(requests), refusal) == ((1, None) if excess < 0 else (0, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))


def test_a_head_without_an_end() -> None:
    """Is refused before it fills the memory."""
    pieces = [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"y" * 1000] * (MAX_HEAD_BYTES // 1000 + 1)]
    assert read(*pieces) == ([], HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


@pytest.mark.parametrize("excess", [0, 1])
def test_a_body_that_is_too_long(excess: int) -> None:
    """Is read to its end and not kept, and the next request is read."""
    body = b"x" * (MAX_BODY_BYTES + excess)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    pieces = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    (first, second), refusal = read(head, *pieces, POST)
    assert refusal is None
    assert (first.is_too_long, len(first.body)) == ((True, 0) if excess else (False, MAX_BODY_BYTES))
    assert second.body == b"{}"


def test_who_waits_for_continue() -> None:
    """A client of HTTP/1.1 that says so, until it has sent some of the body."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    reader = RequestReader()
    assert (reader.feed(head, 0.0), reader.wants_continue) == ([], True)
    assert reader.feed(b"{", 0.0) == []
    assert not reader.wants_continue
    reader = RequestReader()
    assert reader.feed(head.replace(b"1.1", b"1.0"), 0.0) == []
    assert not reader.wants_continue


def test_a_request_shows_no_text() -> None:
    """Its repr has neither body nor headers."""
    (request,), _ = read(POST.replace(b"{}", b"+1"))
    assert repr(request) == "HttpRequest(b'POST' b'/', 2 bytes)"
