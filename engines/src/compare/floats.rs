//! Matches rows that agree in everything exact by their floats, within the tolerance.
//!
//! Being close is not transitive, so neighbours cannot simply be paired off. Rows are first cut
//! into clusters that no pair can reach across, column by column. What then remains is nearly
//! always a cluster in which all are close to all; if not, a matching of full size is searched.

/// One floating-point column of both sides, finite values only.
pub(super) struct FloatPair {
    pub(super) left: Vec<f64>,
    pub(super) right: Vec<f64>,
    pub(super) tolerance: f64,
}

/// Rows of each side of a tangled cluster among which a matching of full size is searched, in
/// cubic time at worst.
const MAX_SEARCHED: usize = 512;

/// Adds the rows without a partner.
pub(super) fn unmatched(
    columns: &[FloatPair],
    lefts: &[usize],
    rights: &[usize],
    only_left: &mut Vec<usize>,
    only_right: &mut Vec<usize>,
) {
    let mut clusters = vec![(lefts.to_vec(), rights.to_vec())];
    while let Some((lefts, rights)) = clusters.pop() {
        if lefts.is_empty() || rights.is_empty() {
            only_left.extend(lefts);
            only_right.extend(rights);
        } else if let Some(parts) = columns.iter().find_map(|column| split(column, &lefts, &rights)) {
            clusters.extend(parts);
        } else if columns.iter().all(|column| is_tight(column, &lefts, &rights)) {
            let n_pairs = lefts.len().min(rights.len());
            only_left.extend(&lefts[n_pairs..]);
            only_right.extend(&rights[n_pairs..]);
        } else if lefts.len().max(rights.len()) <= MAX_SEARCHED {
            searched(columns, &lefts, &rights, only_left, only_right);
        } else {
            paired_in_order(columns, lefts, rights, only_left, only_right);
        }
    }
}

fn is_close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

fn is_match(columns: &[FloatPair], left: usize, right: usize) -> bool {
    columns.iter().all(|column| is_close(column.left[left], column.right[right], column.tolerance))
}

/// Cuts where neighbours in one column are not close; `None` where there is no such place.
fn split(column: &FloatPair, lefts: &[usize], rights: &[usize]) -> Option<Vec<(Vec<usize>, Vec<usize>)>> {
    let mut values: Vec<(f64, bool, usize)> = Vec::with_capacity(lefts.len() + rights.len());
    values.extend(lefts.iter().map(|row| (column.left[*row], true, *row)));
    values.extend(rights.iter().map(|row| (column.right[*row], false, *row)));
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
    let clusters = values.chunk_by(|a, b| is_close(a.0, b.0, column.tolerance));
    let parts: Vec<(Vec<usize>, Vec<usize>)> = clusters
        .map(|cluster| {
            let side = |is_left: bool| cluster.iter().filter(move |value| value.1 == is_left).map(|value| value.2);
            (side(true).collect(), side(false).collect())
        })
        .collect();
    (parts.len() > 1).then_some(parts)
}

/// Whether every value is close to every other.
fn is_tight(column: &FloatPair, lefts: &[usize], rights: &[usize]) -> bool {
    let values = || lefts.iter().map(|row| column.left[*row]).chain(rights.iter().map(|row| column.right[*row]));
    let (least, most) =
        values().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    is_close(least, most, column.tolerance)
}

/// A matching of full size by augmenting paths (Kuhn 1955).
fn searched(
    columns: &[FloatPair],
    lefts: &[usize],
    rights: &[usize],
    only_left: &mut Vec<usize>,
    only_right: &mut Vec<usize>,
) {
    let mut partner: Vec<Option<usize>> = vec![None; rights.len()];
    for (at, left) in lefts.iter().enumerate() {
        let mut seen = vec![false; rights.len()];
        if !augment(columns, lefts, rights, at, &mut partner, &mut seen) {
            only_left.push(*left);
        }
    }
    only_right.extend(rights.iter().zip(&partner).filter(|(_, partner)| partner.is_none()).map(|(right, _)| *right));
}

/// Finds a partner for one left row, moving others; at most [`MAX_SEARCHED`] calls deep.
fn augment(
    columns: &[FloatPair],
    lefts: &[usize],
    rights: &[usize],
    at: usize,
    partner: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for to in 0..rights.len() {
        if seen[to] || !is_match(columns, lefts[at], rights[to]) {
            continue;
        }
        seen[to] = true;
        let is_free = match partner[to] {
            None => true,
            Some(other) => augment(columns, lefts, rights, other, partner, seen),
        };
        if is_free {
            partner[to] = Some(at);
            return true;
        }
    }
    false
}

/// Pairs two sorted sides; may miss pairs, never makes one beyond the tolerance.
fn paired_in_order(
    columns: &[FloatPair],
    mut lefts: Vec<usize>,
    mut rights: Vec<usize>,
    only_left: &mut Vec<usize>,
    only_right: &mut Vec<usize>,
) {
    let Some(first) = columns.first() else { return };
    lefts.sort_unstable_by(|a, b| first.left[*a].total_cmp(&first.left[*b]));
    rights.sort_unstable_by(|a, b| first.right[*a].total_cmp(&first.right[*b]));
    let (mut i, mut j) = (0, 0);
    while i < lefts.len() && j < rights.len() {
        if is_match(columns, lefts[i], rights[j]) {
            (i, j) = (i + 1, j + 1);
        } else if first.left[lefts[i]] <= first.right[rights[j]] {
            only_left.push(lefts[i]);
            i += 1;
        } else {
            only_right.push(rights[j]);
            j += 1;
        }
    }
    only_left.extend(&lefts[i..]);
    only_right.extend(&rights[j..]);
}
