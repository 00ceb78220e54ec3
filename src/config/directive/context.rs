//! What a directive may change, and where its line stands.

use crate::config::record::{ConfigValue, DirConfig, Section, Settings};
use crate::config::section::SectionPath;
use crate::httpd::Pool;

/// The records that a line changes, and where the line stands.
pub(super) struct DirectiveContext<'a> {
    /// The pool of the configuration.
    pub(super) pool: Pool,
    /// The section's record.
    pub(super) dir: &'a mut DirConfig,
    /// At server level also the server's own.
    pub(super) server: Option<&'a mut DirConfig>,
    /// The section that the line stands in.
    pub(super) place: SectionPath,
    /// The line stands in the main server and not in a virtual host.
    pub(super) is_main_server: bool,
    /// The line is read once, not at every request as in a `.htaccess` file.
    pub(super) lasts: bool,
}

impl DirectiveContext<'_> {
    fn records(&mut self) -> impl Iterator<Item = &mut DirConfig> {
        std::iter::once(&mut *self.dir).chain(self.server.as_deref_mut())
    }

    /// Changes the settings of all records that the line changes.
    pub(super) fn settings(&mut self, mut change: impl FnMut(&mut Settings)) {
        self.records().for_each(|record| change(&mut record.settings));
    }

    /// Changes the sections of all records that the line changes.
    pub(super) fn sections(&mut self, mut change: impl FnMut(&mut Section)) {
        self.records().for_each(|record| change(record.section_mut()));
    }

    /// Refuses a directive of the whole process in a virtual host.
    pub(super) fn only_main(&self) -> Result<(), String> {
        if self.is_main_server {
            Ok(())
        } else {
            Err("it is set in a virtual host, but it is one for the whole process: set it in the main server"
                .to_owned())
        }
    }

    /// Adds a value to a list of the settings: the lines of one section add up.
    pub(super) fn append(&mut self, list: fn(&mut Settings) -> &mut Option<ConfigValue<Vec<String>>>, value: &str) {
        let (pool, lasts) = (self.pool, self.lasts);
        self.settings(|settings| {
            let list = list(settings).get_or_insert_with(|| ConfigValue::new(pool, Vec::new(), lasts));
            list.get_mut().push(value.to_owned());
        });
    }
}
