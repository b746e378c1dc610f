"""Encoders and the durable segment files they end up in."""
