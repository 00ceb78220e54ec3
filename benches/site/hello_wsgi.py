"""The hello application for mod_wsgi."""

BODY = b'hello, world\n'


def application(environ, start_response):
    """Send one short body with its length, as the other contestants' responses have it."""
    start_response('200 OK', [('Content-Type', 'text/plain'),
                              ('Content-Length', str(len(BODY)))])
    return [BODY]
