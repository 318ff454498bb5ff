"""The command `python -m benchmarks`."""

import signal
import subprocess
import sys
from importlib import import_module

# Each benchmark, and its options for --quick, which checks that it works and gives no useful figures.
QUICK = {
    "overhead": "--rounds 1 --times 50 --no-servers",
    "requests_per_second": "--rounds 1 --seconds 1 --store memory",
    "logins": "--rounds 1 --logins 2",
    "refresh_storm": "--rounds 1 --calls 100 --store memory",
    "footprint": "--rounds 1 --sessions 1000",
    "session_read": "--counts 100 1000 --rounds 2 --reads 50 --store sqlite",
    "session_size": "--count 500 --store sqlite",
    "refresh_race": "--rounds 2 --workers 2 --requests 20 --store sqlite",
    "refresh_shutdown": "--users 2 --server uvicorn",
    "refresh_window": "--rounds 5 --store sqlite",
    "refresh_kill": "--undisturbed 1 --requests 10 --fault random --store sqlite",
    "cancel_sweep": "",
    "store_outage": "--rounds 1 --store redis",
    "failover": "--store redis",
    "silent_store": "--store redis",
    "sign_out_everywhere": "--sign-outs 20 --rounds 1 --at-fault 3 --store redis",
    "subscribers": "--counts 1 10 --seconds 1 --store redis",
    "server_work": "--count 50 --store redis",
    "purge": "--count 2000",
    "abandoned_logins": "--count 5000",
    "callback_flood": "--count 500 --at-once 200 --sessions 100",
    "long_input": "--times 2",
    "secret_keys": "--count 20",
}


def main() -> int:
    """Run the benchmark that the command line names.

    Returns the exit status: 2 if there is no benchmark of that name, 1 if a benchmark failed.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in QUICK:
        sys.argv.pop(1)
        sys.argv[0] = f"python -m benchmarks {name}"
        # On SIGTERM, exit normally, so that the servers and workers that were started are ended.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        import_module(f"benchmarks.{name}").main()
        return 0
    if name == "all" and sys.argv[2:] in ([], ["--quick"]):
        return run_all(quick=len(sys.argv) > 2)

    print("usage: python -m benchmarks NAME [--help]\n       python -m benchmarks all [--quick]\n")
    for each in QUICK:
        summary = (import_module(f"benchmarks.{each}").__doc__ or "").splitlines()[0]
        print(f"  {each:21}{summary}")
    return 2 if name else 0


def run_all(*, quick: bool) -> int:
    """Run all benchmarks one after another, each in a new process."""
    failed = []
    for name, options in QUICK.items():
        words = [name, *(options.split() if quick else ())]
        print(f"\n== python -m benchmarks {' '.join(words)}\n", flush=True)
        if subprocess.run([sys.executable, "-m", "benchmarks", *words], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
