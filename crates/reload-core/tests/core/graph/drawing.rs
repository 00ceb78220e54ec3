//! The graph as text for Graphviz.

use reload_core::{
    graph::dot,
    graph::{Graph, Name},
};

#[test]
fn names_and_labels_are_quoted_and_circles_are_boxed() {
    let (odd, a, b): (Name, Name, Name) = ("we\"ird\\".into(), "a".into(), "b".into());
    let mut graph = Graph::default();
    graph.add(&a, &b);
    graph.add(&b, &a);
    graph.add(&odd, &a);
    graph.add(&odd, &"not shown".into());
    let nodes = [(odd, vec!["file \u{7}".to_owned(), "generation 1".to_owned()]), (b, Vec::new()), (a, Vec::new())];
    assert_eq!(
        dot::text("the \"title\"", &nodes, &graph),
        r#"digraph "the \"title\"" {
  node [shape=box];
  subgraph cluster_1 {
    label="cycle";
    "a" [label="a"];
    "b" [label="b"];
  }
  "we\"ird\\" [label="we\"ird\\\nfile  \ngeneration 1"];
  "a" -> "b";
  "b" -> "a";
  "we\"ird\\" -> "a";
}
"#
    );
}
