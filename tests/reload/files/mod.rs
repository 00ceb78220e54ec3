//! What a file is: its content, what bodies read beside their own source, links, and who may write.

mod contents;
mod data;
mod fingerprints;
mod links;
mod releases;
mod trust;
