# The two commands: `make demo` and `make test`. Everything else serves development.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK   := -c requirements/constraints.txt

# A voice is needed: the system's flite (permissive) if it is there, else espeak-ng (GPL, as a separate process) from its package.
VOICE  := $(shell $(PYTHON) -c 'import ctypes.util as u; print("" if u.find_library("flite_cmu_us_rms") else "[espeak]")' 2>/dev/null)

.PHONY: demo serve test test-browser api-check conformance lint types bench bench-asr bench-orders bench-turn bench-sessions bench-transcribe bench-translate bench-vad bench-echo bench-noise bench-webrtc bench-long-file soak soak-virtual soak-live fuzz fuzz-media properties screenshots clean help

help:
	@echo "make demo            a spoken conversation: a caller orders coffee (out/demo.wav)"
	@echo "make test            all tests but those in Chromium"
	@echo "make test-browser    the playground, voice-ui and agents-js in Chromium"
	@echo "make conformance     official clients against a real server; writes docs/conformance.md"
	@echo "make api-check       whatever the OpenAPI document allows and forbids, against a real server (ARGS=--short: half a minute)"
	@echo "make serve           the server on http://127.0.0.1:8000/v1"
	@echo "make lint types      style, import contracts; mypy --strict"
	@echo "make bench           all benchmarks; also bench-asr, bench-orders, bench-turn, bench-sessions, bench-transcribe, bench-translate, bench-vad, bench-echo, bench-noise, bench-webrtc"
	@echo "make soak            half an hour of real sessions; soak-virtual: two hours in virtual time"
	@echo "make soak-live       two virtual hours of transcription and of translation, seven ways"
	@echo "make fuzz properties forty thousand broken frames; twice ten thousand interleavings"
	@echo "make fuzz-media      a thousand broken media files (others with FUZZ_SEED=2), broken forms, and an hour of audio"
	@echo "make screenshots     the pictures of docs/playground.md, taken in Chromium"
	@echo "make bench-long-file an hour of speech through /v1/audio/transcriptions: memory may not grow"

demo: $(VENV)/.installed
	$(BIN)/vivavoce demo $(ARGS)

serve: $(VENV)/.installed
	$(BIN)/vivavoce serve $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(ARGS)

test-browser: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

conformance: $(VENV)/.installed-dev
	$(BIN)/python tests/conformance/harness.py $(ARGS)

api-check: $(VENV)/.installed-dev
	$(BIN)/python tests/server/api_check.py $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev
	$(BIN)/mypy

bench: bench-vad bench-echo bench-asr bench-turn bench-sessions bench-orders bench-transcribe bench-translate bench-webrtc

bench-asr: $(VENV)/.installed-dev
	$(BIN)/python -m bench.asr $(ARGS)

bench-orders: $(VENV)/.installed-dev
	$(BIN)/python -m bench.orders $(ARGS)

bench-turn: $(VENV)/.installed-dev
	$(BIN)/python -m bench.turn --profile null $(ARGS)
	$(BIN)/python -m bench.turn --profile embedded $(ARGS)

bench-sessions: $(VENV)/.installed-dev
	$(BIN)/python -m bench.sessions $(ARGS)

bench-transcribe: $(VENV)/.installed-dev
	$(BIN)/python -m bench.transcribe $(ARGS)

bench-translate: $(VENV)/.installed-dev
	$(BIN)/python -m bench.translate $(ARGS)

bench-vad: $(VENV)/.installed-dev
	$(BIN)/python -m bench.vad $(ARGS)

bench-echo: $(VENV)/.installed-dev
	$(BIN)/python -m bench.echo $(ARGS)

bench-noise: $(VENV)/.installed-dev
	$(BIN)/python -m bench.noise $(ARGS)

bench-webrtc: $(VENV)/.installed-dev
	$(BIN)/python -m bench.webrtc $(ARGS)

bench-long-file: $(VENV)/.installed-dev
	$(BIN)/python -m bench.long_file $(ARGS)

soak: $(VENV)/.installed-dev
	$(BIN)/python -m bench.soak $(ARGS)

soak-virtual: $(VENV)/.installed-dev
	$(BIN)/python -m bench.soak_virtual $(ARGS)

soak-live: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s -m long tests/server/test_live_memory.py $(ARGS)

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m long tests/server/test_hostile_frames.py tests/server/test_hostile_live_frames.py $(ARGS)

fuzz-media: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s -m long tests/audio/test_media_hostile.py tests/audio/test_media_long.py tests/server/test_form_fuzz.py $(ARGS)

properties: $(VENV)/.installed-dev
	HYPOTHESIS_PROFILE=properties $(BIN)/python -m pytest tests/core/test_invariants.py tests/core/test_transcription_invariants.py $(ARGS)

screenshots: $(VENV)/.installed-dev
	$(BIN)/python tests/browser/screenshots.py

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements/constraints.txt | $(VENV)/bin/python
	$(PIP) install $(LOCK) -e '.$(VOICE)'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(PIP) install $(LOCK) -r requirements/dev.txt
	touch $@
