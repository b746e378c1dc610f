"""The three alerts that somebody must be called for, as webhooks; a process of its own."""
