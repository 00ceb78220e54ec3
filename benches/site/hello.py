"""The hello handler: mod_python_rs and mod_python both serve this file."""
from mod_python import apache


def handler(req):
    """Write one short body, unflushed."""
    req.content_type = 'text/plain'
    req.write('hello, world\n', 0)
    return apache.OK
