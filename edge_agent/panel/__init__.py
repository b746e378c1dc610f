"""The classroom control panel's server: what the room does, for a browser; what people press, for
the agent. It knows the agent by its files alone: status, levels, previews, ledger.
"""
