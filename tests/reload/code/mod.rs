//! What code objects say without being run: comments, docstrings and imports inside functions.

mod comments;
mod late_imports;
