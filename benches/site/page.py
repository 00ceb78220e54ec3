"""The page of the reload measurement: made of every generated module, and of the leaf in two ways."""
import builtins
import json

from mod_python import apache

import tree.everything
from tree import base, left, right

builtins.__dict__.setdefault('bench_executed', []).append(__name__)


def handler(req):
    """Show the edited values, or, asked for `executed`, hand out and forget the names executed."""
    if req.args == 'executed':
        body = json.dumps(builtins.__dict__.pop('bench_executed', []))
    else:
        body = '%d %d %d' % (left.value(), right.value(), base.VALUE)
    req.content_type = 'text/plain'
    req.write(body, 0)
    return apache.OK
