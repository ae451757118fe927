"""`python -m tests.platforms.slack_server`: this Slack as a process, until SIGTERM or SIGINT.

Prints one JSON line with its URLs and secrets when it is ready.
"""

import argparse
import asyncio
import json
import signal
import sys

from tests.platforms.slack_server.control import Control
from tests.platforms.slack_server.server import SlackServer
from tests.platforms.slack_server.settings import SlackSettings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.platforms.slack_server")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--events-url", help="where to POST events; without it Socket Mode")
    parser.add_argument("--ack-timeout", type=float, default=3.0, help="seconds")
    parser.add_argument("--retry-delays", default="0,60,300", help="seconds, with commas")
    return parser.parse_args()


async def main() -> None:
    given = _arguments()
    delays = tuple(float(delay) for delay in given.retry_delays.split(",") if delay)
    settings = SlackSettings(ack_timeout_seconds=given.ack_timeout, retry_delays_seconds=delays)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await SlackServer(settings).start(given.port)
    try:
        server.events_url = given.events_url
        sys.stdout.write(json.dumps(Control(server).urls()) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await server.close()


if __name__ == "__main__":
    asyncio.run(main())
