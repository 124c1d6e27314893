# make start   set everything up and open Trailmark in the browser
# make test    run the tests            (some of them: make test ARGS="-k journal")
# make check   run every static check
# make bench   run the benchmarks
# make setup   only make .venv          (with another Python: make setup PYTHON=/usr/bin/python3.12)

export PYTHON ARGS

.PHONY: help setup start test check bench

help:
	@sed -n 's/^# //p' Makefile

setup:
	@scripts/setup

start: setup
	@exec .venv/bin/trailmark start $(ARGS)

test: setup
	@scripts/test

check: setup
	@scripts/check

bench: setup
	@scripts/bench
