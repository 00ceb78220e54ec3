"""The published page: mod_python_rs and mod_python both serve this file."""


# The Debian package of mod_python garbles argument names of up to three letters.
def index(req, name, count):
    """Answer with both arguments of the query."""
    return 'hello, %s %s\n' % (name, count)
