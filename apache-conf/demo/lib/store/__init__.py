"""What the site keeps: the entries of the guest book and the uploaded files, in one directory that httpd may write.

The directory is named by `PythonOption demo.data DIRECTORY` and lies outside the site, so that nothing in it has an address.
"""

from .database import directory
from .entries import add_entry, latest_entries
from .uploads import MAX_FILES, MAX_SIZE, Refused, add_upload, find_upload, latest_uploads

__all__ = [
    "MAX_FILES",
    "MAX_SIZE",
    "Refused",
    "add_entry",
    "add_upload",
    "directory",
    "find_upload",
    "latest_entries",
    "latest_uploads",
]
