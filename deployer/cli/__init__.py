"""The command line: parse, compile, show, run, exit code."""
