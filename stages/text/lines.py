"""Lines and where they are."""

from __future__ import annotations

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.unicode import SPACE, char_class, decode, decode_before


@device
def next_line(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int, Int]:
    """The line that starts at `pos`: (start, end, after), white space off both ends; go on at `after`.

    Lines end where `str.splitlines` ends them (LF, VT, FF, CR, FS, GS, RS, NEL, LS, PS), but CR LF ends two,
    so look at lines that are not blank: blank ones have start == end.
    """
    end = pos
    after = stop
    while end < stop:
        lead = byte(data, end)
        if lead < 0x20 or lead == 0xC2 or lead == 0xE2:
            code, behind = decode(data, end, stop)
            if ends_line(code):
                after = behind
                break
        end += 1
    start, end = strip(data, pos, end)
    return start, end, after


@device
def strip(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int]:
    """`data[start:stop]` without white space at its ends: (start, end), equal if it holds nothing else."""
    while start < stop:
        code, after = decode(data, start, stop)
        if not char_class(code) & SPACE:
            break
        start = after
    while start < stop:
        code, before = decode_before(data, start, stop)
        if not char_class(code) & SPACE:
            break
        stop = before
    return start, stop


@device
def ends_line(code: Int) -> bool:
    """Whether a code point ends lines for `str.splitlines`."""
    return bool(0x0A <= code <= 0x0D or 0x1C <= code <= 0x1E or code == 0x85 or 0x2028 <= code <= 0x2029)
