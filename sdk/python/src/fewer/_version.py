"""The version of the package, readable without importing the rest."""

VERSION = "0.1.0"
