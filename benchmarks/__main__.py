"""The command `python -m benchmarks`."""

import signal
import sys
from importlib import import_module

NAMES = (
    "refresh_race",
    "refresh_kill",
    "cancel_sweep",
    "store_outage",
    "abandoned_logins",
    "session_read",
    "session_size",
)


def main() -> int:
    """The exit status: 2 when no benchmark has that name."""
    if len(sys.argv) > 1 and sys.argv[1] in NAMES:
        name = sys.argv.pop(1)
        sys.argv[0] = f"python -m benchmarks {name}"
        # Whoever is told to stop still ends the servers and workers that it started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        import_module(f"benchmarks.{name}").main()
        return 0

    print("usage: python -m benchmarks NAME [--help]\n")
    for name in NAMES:
        summary = (import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
        print(f"  {name:18}{summary}")
    return 2 if len(sys.argv) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
