"""Which addresses a source may be fetched from. Pure, but for asking the resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator

from gateway.errors import BadInput

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out; beyond it are networks' own ranges, old ones (fec0::/10) too."""


def is_public(text: str) -> bool:
    """Whether it is an address of the public internet, with whatever it stands for."""
    return all(_is_public(part) for part in _meant(text))


def _is_public(address: _Address) -> bool:
    is_given_out = address.version == 4 or address in _UNICAST or address in _NAT64
    return is_given_out and address.is_global and not address.is_multicast


def _meant(text: str) -> Iterator[_Address]:
    """Yield the address, and the IPv4 addresses that an IPv6 one leads to."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    yield from (part for part in inner if part is not None)
    if address.ipv4_mapped is None:
        yield address


async def resolved(host: str, port: int, *, allows_private: bool) -> str:
    """Return an address of the host; raises BadInput when one of them is not public.

    All are checked, and the caller connects to the very one that is returned, so
    that a name that points elsewhere a moment later gains nothing.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadInput(f'"{host}" is not known: {error}.') from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise BadInput(f'"{host}" has no address.')
    if not allows_private and not all(is_public(address) for address in addresses):
        raise BadInput(f'"{host}" is not on the public internet (sources.private is off).')
    return addresses[0]
