//! The directives: what each is called, where it may stand, what it does with a line, and how `get_config()` shows it.
//!
//! A new directive is a line of [`table`] and an action beside those of its kind.

mod basics;
mod context;
mod later;
mod process;
mod reloading;
mod table;

use crate::config::directive::context::DirectiveContext;
use crate::config::directive::table::DIRECTIVES;
use crate::config::record::{DirConfig, ServerConfig, Settings};
use crate::config::section::SectionPath;
use crate::httpd::command::{CommandInfo, CommandTable, ConfigLine, Directives};

/// What a directive does with its arguments. An error is the sentence that httpd prints after the directive's name.
type DirectiveAction = fn(&mut DirectiveContext<'_>, &[&str]) -> Result<(), String>;

struct Directive {
    info: CommandInfo,
    action: DirectiveAction,
    /// The value of the setting that the directive makes, as text; `None` for one that makes no setting of a section.
    show: Option<fn(&Settings) -> Option<String>>,
}

/// The settings that are set, by directive, as text; flags are "1" or "0".
pub fn shown(settings: &Settings) -> impl Iterator<Item = (String, String)> {
    DIRECTIVES.iter().filter_map(|directive| {
        let value = directive.show?(settings)?;
        Some((directive.info.name.to_string_lossy().into_owned(), value))
    })
}

/// The table, for httpd.
struct DirectiveTable;

impl Directives for DirectiveTable {
    type Dir = DirConfig;
    type Server = ServerConfig;

    fn run(
        index: usize,
        line: ConfigLine<'_>,
        arguments: &[&str],
        dir: &mut DirConfig,
        server: Option<&mut ServerConfig>,
    ) -> Result<(), String> {
        let mut scene = DirectiveContext {
            pool: line.pool(),
            dir,
            server: server.map(|server| &mut server.own),
            place: SectionPath::of(line),
            is_main_server: line.is_in_main_server(),
            lasts: line.htaccess().is_none(),
        };
        (DIRECTIVES[index].action)(&mut scene, arguments)
    }
}

/// The table that the module record refers to.
pub static COMMANDS: CommandTable<{ DIRECTIVES.len() + 1 }> = {
    let mut infos = [DIRECTIVES[0].info; DIRECTIVES.len()];
    let mut index = 0;
    while index < infos.len() {
        infos[index] = DIRECTIVES[index].info;
        index += 1;
    }
    CommandTable::of::<DirectiveTable>(&infos)
};
