"""The garbage collector of a process that has started and will run for months."""

import gc

# Requests leave thousands of short-lived objects, freed by their counts; what the collector is
# needed for, cycles, is rare. Looking every 700 objects cost a tenth of the CPU.
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50


def settle() -> None:
    """Call it once all is loaded: what lives now is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
