//! What makes a request ours: the handler's name, and the extension of its file.

/// The names that `SetHandler` and `AddHandler` may use.
pub const HANDLER_NAMES: [&[u8]; 2] = [b"mod_python", b"python-program"];

/// The extension of a file, with its dot: everything after the first dot of the last part; empty without one.
pub fn of(filename: &str) -> &str {
    let base = filename.rsplit_once('/').map_or(filename, |(_, base)| base);
    base.find('.').map_or("", |at| &base[at..])
}
