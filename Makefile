# The recipes that people and CI both use. `make help` lists them.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?=
DATA   ?= data
