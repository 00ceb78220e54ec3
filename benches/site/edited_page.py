"""The published page that is edited: mod_python_rs and mod_python both serve this file."""
import edited_part

VALUE = 0


def index(req):
    """Show the page's own value and that of the module it imports."""
    return '%d %d\n' % (VALUE, edited_part.VALUE)
