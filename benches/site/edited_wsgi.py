"""The WSGI script that is edited, for mod_wsgi."""
import edited_part

VALUE = 0


def application(environ, start_response):
    """Show the script's own value and that of the module it imports."""
    body = b'%d %d\n' % (VALUE, edited_part.VALUE)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
