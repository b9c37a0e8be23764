"""`python -m vivavoce`."""

from __future__ import annotations

from vivavoce.cli.main import main

if __name__ == "__main__":
    main()
