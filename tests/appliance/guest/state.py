#!/usr/bin/python3
"""In the guest: one column (state without a second word) of a lecture, as the ledger has it."""

import sqlite3
import sys

lecture, column = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "state"
ledger = sqlite3.connect("file:/var/lib/edge-agent/ledger.db?mode=ro", uri=True)
for (value,) in ledger.execute(f"SELECT {column} FROM lectures WHERE id = ?", [lecture]):
    print(value)
