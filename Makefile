# Thin names for `python3 bootstrap.py ...`, which also works where there is no make (Windows: `py bootstrap.py lab`).
# ARGS go to the command: `make lab ARGS=--no-browser`, `make course ARGS="02 --jobs 2"`, `make test ARGS="-k metrics"`,
# `make book ARGS="--edition lecturer"`.
# LOCKED=1 installs the exact versions of requirements.lock.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) bootstrap.py $(if $(LOCKED),--locked)

.PHONY: setup lab test course slides book
setup:
	@$(BOOTSTRAP) setup
lab:
	@$(BOOTSTRAP) lab $(ARGS)
test:
	@$(BOOTSTRAP) test $(ARGS)
course:
	@$(BOOTSTRAP) course $(ARGS)
slides:
	@$(BOOTSTRAP) slides $(ARGS)
book:
	@$(BOOTSTRAP) book $(ARGS)
