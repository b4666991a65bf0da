# Every target needs git, make and Python 3.11 or newer; the rest is brought along. See `make help`.
.PHONY: help run test lint bench lock

PYTHON ?= python3
HOUSE = $(PYTHON) -m tools.house

help:
	@$(HOUSE) help

run:
	@$(HOUSE) run

test:
	@$(HOUSE) test $(ARGS)

lint:
	@$(HOUSE) lint

bench:
	@$(HOUSE) bench $(ARGS)

lock:
	@$(HOUSE) lock
