"""The process that shows the room to a broker, and passes commands on. Known to nobody below."""
