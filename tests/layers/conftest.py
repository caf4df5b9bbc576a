import sys
from pathlib import Path

# Tests are imported by path (--import-mode=importlib); this makes `references` and
# `cell_cases` importable beside them.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
