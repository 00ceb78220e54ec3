//! How changes are found: by inotify, by polling, after a writer has ended, and on request.

mod detection;
mod limits;
mod trigger;
mod writers;
