"""A WSGI script that is made of every generated module, as `page.py` is."""
import tree.everything
from tree import left, right


def application(environ, start_response):
    """Show the leaf as seen through either of its importers."""
    body = b'%d %d\n' % (left.value(), right.value())
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
