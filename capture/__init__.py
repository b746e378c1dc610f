"""Opened devices (sources) that yield frames or packets stamped in monotonic nanoseconds."""
