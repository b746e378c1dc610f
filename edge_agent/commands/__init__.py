"""The commands, one module for each noun. At their top they import only what `--help` needs."""
