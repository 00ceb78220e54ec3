//! Strongly connected components.

/// Tarjan's algorithm without recursion, as a chain of imports may be longer than the stack. A component comes after those that it
/// uses.
pub(super) fn strongly_connected(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut index = vec![UNSEEN; edges.len()];
    let mut low = vec![0; edges.len()];
    let mut on_stack = vec![false; edges.len()];
    let mut stack = Vec::new();
    let mut parts = Vec::new();
    let mut next = 0;
    for root in 0..edges.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, edge)) = work.pop() {
            if edge == 0 {
                index[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            let mut position = edge;
            let mut descended = false;
            while let Some(&target) = edges[node].get(position) {
                position += 1;
                if index[target] == UNSEEN {
                    work.push((node, position));
                    work.push((target, 0));
                    descended = true;
                    break;
                }
                if on_stack[target] {
                    low[node] = low[node].min(index[target]);
                }
            }
            if descended {
                continue;
            }
            if low[node] == index[node] {
                let mut part = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    part.push(member);
                    if member == node {
                        break;
                    }
                }
                parts.push(part);
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    parts
}
