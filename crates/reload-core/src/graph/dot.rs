//! The graph as text for Graphviz.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::graph::{Graph, Name};

/// A digraph of these modules, each with additional lines for its label, and the edges between them. The modules of an import
/// cycle are in one box.
pub fn text(title: &str, modules: &[(Name, Vec<String>)], graph: &Graph) -> String {
    let names: HashSet<Name> = modules.iter().map(|(name, _)| name.clone()).collect();
    let labels: HashMap<&Name, &[String]> = modules.iter().map(|(name, lines)| (name, lines.as_slice())).collect();
    let mut out = format!("digraph {} {{\n  node [shape=box];\n", quoted(title));
    let mut groups = graph.order(&names, &HashMap::new(), |_| 0);
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    let mut circles = 0;
    for group in &groups {
        let is_circle = group.len() > 1;
        let indent = if is_circle { "    " } else { "  " };
        if is_circle {
            circles += 1;
            let _ = writeln!(out, "  subgraph cluster_{circles} {{\n    label=\"cycle\";");
        }
        for name in group {
            let lines = labels.get(name).copied().unwrap_or_default();
            let label: Vec<&str> = std::iter::once(&**name).chain(lines.iter().map(String::as_str)).collect();
            let _ = writeln!(out, "{indent}{} [label={}];", quoted(name), quoted(&label.join("\n")));
        }
        if is_circle {
            out.push_str("  }\n");
        }
    }
    for name in groups.iter().flatten() {
        let mut used: Vec<&Name> = graph.used_by(name).filter(|used| names.contains(*used)).collect();
        used.sort_unstable();
        for used in used {
            let _ = writeln!(out, "  {} -> {};", quoted(name), quoted(used));
        }
    }
    out.push_str("}\n");
    out
}

/// A quoted identifier or label.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
