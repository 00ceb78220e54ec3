#!/bin/sh
# Checks the licences, sources and advisories of the crates, by the rules of deny.toml.
# cargo-deny is built once, below target/, where it is not installed. Advisories are checked where their database can be fetched.
set -eu
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools
PATH="$PATH:$HOME/.cargo/bin:$PWD/$tools/bin"
command -v cargo-deny >/dev/null || cargo install --quiet --locked --root "$tools" cargo-deny --version '^0.20'

cargo deny --workspace check licenses bans sources
if cargo deny --workspace fetch db >/dev/null 2>&1; then
    cargo deny --workspace check advisories
else
    echo "the advisory database cannot be reached: advisories are not checked" >&2
fi
