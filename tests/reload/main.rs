//! The reload engine, seen from outside: a test saves files, sends requests, and learns from the answers which code ran.
//!
//! The folders are the rooms of the engine. P1 to P10 in a comment or in a test's name are the promises of `docs/reload.md`:
//!
//! | | a test of this promise shows that |
//! |---|---|
//! | P1 Fresh | a request that begins after a save runs what was saved |
//! | P2 Whole | files that were saved together are seen together |
//! | P3 Last good | code that cannot be loaded is not served, and its error is logged once |
//! | P4 Coherent | a request runs one generation from its beginning to its end |
//! | P5 Precise | only what changed and what depends on it runs again, once, dependencies first |
//! | P6 Complete | every form of import counts, and so do files that bodies read, that appear and that go away |
//! | P7 Apart | applications do not see each other's modules, and unmanaged modules are never reloaded |
//! | P8 Ordinary | managed modules behave as Python's own modules do |
//! | P9 Cheap | a request pays next to nothing where nothing changed |
//! | P10 Alive | no edit ends a child, and none leaves threads, files or old code behind |

#[path = "../support/mod.rs"]
mod support;

mod app;
mod mounts;
mod zip;

mod application;
mod build;
mod code;
mod files;
mod graph;
mod import;
mod lifecycle;
mod resolve;
mod scoreboard;
mod watch;
