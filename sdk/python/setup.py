"""Builds the optional accelerator when asked to: FEWER_ACCEL=1 pip install --no-binary fewer fewer."""

import os
import platform

from setuptools import Extension, setup

# TLSDESC is what readers of the OTel thread context expect; aarch64 compilers use it anyway.
DIALECT = ["-mtls-dialect=gnu2"] if platform.machine() == "x86_64" else []

ACCELERATOR = Extension("fewer._accel", ["src/fewer/_accel.c"], extra_compile_args=["-O2"] + DIALECT, optional=True)

setup(ext_modules=[ACCELERATOR] if os.environ.get("FEWER_ACCEL", "0") not in ("", "0") else [])
