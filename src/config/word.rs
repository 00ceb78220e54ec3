//! Settings that are one of a few words.

use crate::config::record::OnError;
use reload_core::policy::{Consistency, ReloadMode};
use reload_core::watch::settings::WatchMode;

/// A setting with a word for each of its values, which is read and shown by one table.
pub trait Word: Copy + PartialEq + 'static {
    /// Each value and its word, in lower case.
    const WORDS: &'static [(&'static str, Self)];
    /// What a word that is none of them is not, for the error.
    const WHAT: &'static str;

    /// The value of a word, in any case.
    ///
    /// # Errors
    /// A sentence without the directive's name that says which words there are.
    fn parse(word: &str) -> Result<Self, String> {
        let word = word.to_ascii_lowercase();
        if let Some((_, value)) = Self::WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(*value);
        }
        let words: Vec<&str> = Self::WORDS.iter().map(|(known, _)| *known).collect();
        let (last, others) = words.split_last().expect("a setting has words");
        Err(format!("`{word}` is not {}: it takes {} or {last}", Self::WHAT, others.join(", ")))
    }

    /// The word of a value.
    fn word(self) -> String {
        let known = Self::WORDS.iter().find(|(_, value)| *value == self);
        known.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}

impl Word for ReloadMode {
    const WORDS: &'static [(&'static str, Self)] = &[("sync", Self::Sync), ("async", Self::Async)];
    const WHAT: &'static str = "a way to reload";
}

impl Word for OnError {
    const WORDS: &'static [(&'static str, Self)] = &[("last-good", Self::LastGood), ("fail", Self::Fail)];
    const WHAT: &'static str = "a policy";
}

impl Word for Consistency {
    const WORDS: &'static [(&'static str, Self)] = &[("child", Self::Child), ("server", Self::Server)];
    const WHAT: &'static str = "a range";
}

impl Word for WatchMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("inotify", Self::Inotify), ("stat", Self::Stat)];
    const WHAT: &'static str = "a way to find changes";
}
