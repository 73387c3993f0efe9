"""The bug hunt of chapter 7.3: a script that looks right and is not, twelve tests, and the checks that anybody can make.

script    the right script, a Vision Transformer and its training in one file
bugs      what is wrong in the other one, with hints
tests     a test for each bug
report    `write` the wrong script, `check` what became of it
quick     checks of any training script, and which bug they see
"""

from vit_tutorial.hunt.bugs import BUGS, Bug, right_source, wrong_source
from vit_tutorial.hunt.quick import QUICK_CHECKS
from vit_tutorial.hunt.report import Report, check, check_source, load, write

__all__ = [
    "BUGS",
    "QUICK_CHECKS",
    "Bug",
    "Report",
    "check",
    "check_source",
    "load",
    "right_source",
    "write",
    "wrong_source",
]
