"""The command line: words in, tables and JSON out; every mistake is one sentence and exit code 2."""
