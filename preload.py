"""What the web server's master imports before it forks, where SHARED_IMPORT=preload: all that a worker needs, our modules
and theirs. The API's document follows from them, and is made here, too.

Its pages are shared by all workers, and a worker that died is back three seconds sooner. Against that, a chain reload then
reads new keys and no new code: docs/operations.md. What is there is left out of every later walk of the garbage collector,
which would copy the pages that it touches.
"""

import gc

from app import ROOMS
from blueprints.edge.document import document_of

document_of(ROOMS)
gc.collect()
gc.freeze()
