"""Imports a package with all its modules: python import.py NAME"""

import importlib
import pkgutil
import sys

package = importlib.import_module(sys.argv[1])
modules = [module.name for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}.")]
for module in modules:
    importlib.import_module(module)
print(f"{package.__name__}: {1 + len(modules)} modules")
