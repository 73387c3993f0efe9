"""One file from a web address, with limits."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request

MEGABYTE = 2**20
CHUNK = 2**16  # bytes
AGENT = "vit-tutorial (Python urllib)"


def is_url(text: str) -> bool:
    """Whether a word is an address (``SCHEME://...``) and no path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.isalnum()


def fetch(url: str, timeout: float = 20.0, limit: int = 50 * MEGABYTE) -> bytes:
    """The content of an http or https address. Redirects are followed, but to no other kind of address.

    Args:
        timeout: seconds for the whole transfer, and for each wait in it.
        limit: bytes; a larger file is refused, by its announced size or when the limit is reached.

    Raises:
        ValueError: another scheme, no host, or a file above the limit.
        OSError: there is no such host or file, no network, or it took too long. The message says which.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError(f"the address begins with {parts.scheme}://; only http:// and https:// are read")
    if not parts.hostname:
        raise ValueError("the address names no host; write http://HOST/PATH")
    path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~")  # an address typed with spaces or umlauts
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    address = urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, query, ""))
    request = urllib.request.Request(address, headers={"User-Agent": AGENT, "Accept": "image/*"})
    end = time.monotonic() + timeout
    try:
        with _opener().open(request, timeout=timeout) as response:
            announced = response.headers.get("Content-Length") or ""
            if announced.isdigit() and int(announced) > limit:
                raise ValueError(_too_large(int(announced), limit))
            content = b""
            while chunk := response.read1(CHUNK):
                content += chunk
                if len(content) > limit:
                    raise ValueError(_too_large(len(content), limit))
                if time.monotonic() > end:
                    raise TimeoutError
            if announced.isdigit() and len(content) < int(announced):
                raise OSError(f"the transfer broke off after {len(content):,} of {int(announced):,} bytes; try again")
            return content
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"the server answered {error.code} {error.reason}") from None
    except http.client.HTTPException as error:
        raise OSError(f"the server's answer cannot be understood ({type(error).__name__}: {error})") from None
    except TimeoutError:
        raise OSError(f"not read within {timeout:g} seconds; try again, or download it first") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise OSError(f"no answer within {timeout:g} seconds; try again, or download it first") from None
        raise OSError(f"could not be reached ({error.reason}); check the address and the network") from None


def _too_large(size: int, limit: int) -> str:
    return f"it has {size / MEGABYTE:.0f} MB or more, and the limit is {limit / MEGABYTE:.0f} MB; download and shrink it first"


def _opener() -> urllib.request.OpenerDirector:
    """urllib's own without local files, FTP and data addresses, to which a server could redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener
