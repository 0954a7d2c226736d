"""The code location of the starter challenge."""

from pathlib import Path

from coordinator_pipelines.authoring import build_definitions, load_challenge

defs = build_definitions(load_challenge(Path(__file__).with_name("spec.yaml")))
