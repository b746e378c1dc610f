"""Delivery of finished packages to destinations; imports nothing of the other packages."""
