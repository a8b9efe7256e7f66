"""Makes the helpers and the package importable from any working directory."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.environ.get("TEST_FEWER_SOURCE") or os.path.join(os.path.dirname(HERE), "src")]
sys.dont_write_bytecode = True
