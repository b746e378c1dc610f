"""Many rooms from one desk, over the OpenSSH client and the staff's own keys and configuration."""
