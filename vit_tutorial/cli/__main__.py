"""`python -m vit_tutorial.cli`, which is how torchrun starts it."""

import sys

from vit_tutorial.cli import main

sys.exit(main())
