"""Starts MiniStack with Nagle's algorithm off in its Runtime API, which else holds every answer of a Lambda back for 40 ms."""

import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  (after the switch above)

main()
