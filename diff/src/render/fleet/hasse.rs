//! The diagram of safe moves: classes in layers, and only the edges that do not follow from others.

use crate::fleet::Fleet;
use crate::fleet::moves::Verdict;

/// Classes between which guests move both ways are one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hasse {
    /// Classes of each node, ascending.
    pub nodes: Vec<Vec<usize>>,
    /// From a node to a node: a guest may move, and no node lies between.
    pub edges: Vec<(usize, usize)>,
    /// The layer of each node: guests move down.
    pub layers: Vec<usize>,
}

impl Hasse {
    /// The diagram of a fleet.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self::new(fleet.classes.len(), &|a, b| fleet.step(a, b).verdict == Verdict::Safe)
    }

    /// The diagram of a relation, which need not be transitive where something is unknown.
    #[must_use]
    pub fn new(n: usize, safe: &dyn Fn(usize, usize) -> bool) -> Self {
        let mut nodes: Vec<Vec<usize>> = Vec::new();
        for class in 0..n {
            let both = |node: &Vec<usize>| node.iter().all(|other| safe(class, *other) && safe(*other, class));
            match nodes.iter_mut().find(|node| both(node)) {
                Some(node) => node.push(class),
                None => nodes.push(vec![class]),
            }
        }
        let to = |a: usize, b: usize| {
            let all = nodes[a].iter().all(|x| nodes[b].iter().all(|y| safe(*x, *y)));
            // A pair that is safe both ways and no node has no direction.
            a != b && all && !nodes[b].iter().all(|y| nodes[a].iter().all(|x| safe(*y, *x)))
        };
        let between = |a: usize, b: usize| (0..nodes.len()).any(|c| to(a, c) && to(c, b));
        let pairs = (0..nodes.len()).flat_map(|a| (0..nodes.len()).map(move |b| (a, b)));
        let edges: Vec<(usize, usize)> = pairs.filter(|(a, b)| to(*a, *b) && !between(*a, *b)).collect();
        let mut layers = vec![0; nodes.len()];
        // The longest way down; as many rounds as nodes, so that a ring ends too.
        for _ in 0..nodes.len() {
            for (a, b) in &edges {
                layers[*b] = layers[*b].max(layers[*a] + 1).min(nodes.len() - 1);
            }
        }
        Self { nodes, edges, layers }
    }

    /// The nodes of each layer, ordered so that edges cross little: each below the middle of those that lead to it.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<usize>> {
        let deepest = self.layers.iter().max().copied().unwrap_or_default();
        let mut rows: Vec<Vec<usize>> = (0..=deepest)
            .map(|layer| (0..self.nodes.len()).filter(|node| self.layers[*node] == layer).collect())
            .collect();
        for at in 1..rows.len() {
            let above: Vec<usize> = rows[..at].iter().flatten().copied().collect();
            let middle = |node: &usize| {
                let from = self.edges.iter().filter(|(_, b)| b == node).map(|(a, _)| a);
                let at: Vec<usize> = from.filter_map(|a| above.iter().position(|x| x == a)).collect();
                (at.iter().sum::<usize>() * 1000 / at.len().max(1), *node)
            };
            let mut row = std::mem::take(&mut rows[at]);
            row.sort_by_key(middle);
            rows[at] = row;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_follow_from_others_are_left_out() {
        // 0 is below 1 and 2, both below 3; 4 is like 3.
        let rank = [0_u8, 0b01, 0b10, 0b11, 0b11];
        let hasse = Hasse::new(5, &|a, b| rank[a] & !rank[b] == 0);
        assert_eq!(hasse.nodes, [vec![0], vec![1], vec![2], vec![3, 4]]);
        assert_eq!(hasse.edges, [(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert_eq!(hasse.rows(), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(Hasse::new(0, &|_, _| true).rows(), [Vec::<usize>::new()]);
    }
}
