"""Numbers as people read them: three digits, thousands apart, powers of ten raised, bytes in kB."""

import math

from lowrank.exact.matrices import raised


def three(x: float) -> str:
    """A number in three significant digits, with a true minus; a power of ten if it is far from 1.

    >>> three(13.5512), three(48_512.3), three(-0.305071), three(9.54e-07), three(1.2e12)
    ('13.6', '48,500', '−0.305', '9.54 × 10⁻⁷', '1.2 × 10¹²')
    """
    if x == 0 or 1e-3 <= abs(x) < 1e9 or not math.isfinite(x):
        return f"{float(f'{x:.3g}'):,.9g}".replace("-", "−")
    digits, power = f"{x:.2e}".split("e")
    return f"{float(digits):g} × 10{raised(int(power))}".replace("-", "−")


def amount(count: float) -> str:
    """A number of bytes: three significant digits and a unit of 1000.

    >>> amount(999), amount(1_327_104), amount(113_246_208)
    ('999 B', '1.33 MB', '113 MB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{three(count)} {unit}"
        count /= 1000
    return f"{three(count)} GB"
