"""A process of the hub with a mistake: `python -m benchmarks.wrong_hub run --variant no-inbox`"""

import argparse
import asyncio

from benchmarks.wrong_variants import VARIANTS
from hub.logs import set_up
from hub.serve import serve
from hub.settings import load


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=("run", "worker", "web"))
    parser.add_argument("--variant", choices=sorted(VARIANTS), required=True)
    given, settings = parser.parse_args(), load()
    set_up(settings.log_level, settings.log_format)
    with VARIANTS[given.variant]():
        asyncio.run(serve(settings, worker=given.kind != "web", web=given.kind != "worker"))


if __name__ == "__main__":
    main()
