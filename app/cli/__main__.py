"""`python -m app.cli`: the same commands, for processes that the service starts."""

from app.cli.commands import main

main()
