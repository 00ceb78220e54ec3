"""The page of the measurement by affected set: one fan of dependents for each size, see `tree.py`."""
import builtins
import json

from mod_python import apache

import tree.everything
import tree.left
import tree.right
from tree.fan4 import every as fan4
from tree.fan16 import every as fan16
from tree.fan64 import every as fan64
from tree.fan256 import every as fan256
from tree.fan1024 import every as fan1024

builtins.__dict__.setdefault('bench_executed', []).append(__name__)
VALUE = 0
FANS = {4: fan4, 16: fan16, 64: fan64, 256: fan256, 1024: fan1024}


def handler(req):
    """Show what each fan is made of, or, asked for `executed`, hand out and forget the names executed."""
    if req.args == 'executed':
        body = json.dumps(builtins.__dict__.pop('bench_executed', []))
    else:
        values = {size: fan.VALUES for size, fan in FANS.items()}
        values[1] = [VALUE]
        body = json.dumps(values)
    req.content_type = 'text/plain'
    req.write(body, 0)
    return apache.OK
