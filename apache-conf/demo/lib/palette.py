"""Words and colours of the whole site. No page imports this file: layout.py does, and the pages import layout.

That makes it the file to play with: change a value, save, and reload any page.
"""

TITLE = "The guest book"
TAGLINE = "Apache runs these pages. Edit one, and the next request runs the edit."

# Any CSS colours: the accent on a light background, and the one on a dark background.
ACCENT = "#a0410d"
ACCENT_DARK = "#f2a65a"
