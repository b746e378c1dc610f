#!/usr/bin/python3
"""In the guest: set the clock as a network time service does, `set_clock.py SECONDS` since 1970.

Only then does the kernel call its clock synchronised (adjtimex); `date -s` does not.
"""

import ctypes
import struct
import sys
import time

ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS = 4, 8, 16

time.clock_settime(time.CLOCK_REALTIME, float(sys.argv[1]))
timex = ctypes.create_string_buffer(512)
# modes, offset, freq, maxerror, esterror, status
struct.pack_into("@Illlli", timex, 0, ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS, 0, 0, 0, 0, 0)
if ctypes.CDLL(None, use_errno=True).adjtimex(timex) < 0:
    sys.exit("adjtimex refuses")
