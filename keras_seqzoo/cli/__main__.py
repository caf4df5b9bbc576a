"""`python -m keras_seqzoo.cli`."""

import sys

from keras_seqzoo.cli import main

sys.exit(main())
