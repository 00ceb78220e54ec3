"""What the edited page and the edited WSGI script import."""
VALUE = 0
