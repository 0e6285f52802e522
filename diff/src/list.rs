//! Lists in sentences.

/// The first `most` of `names`, and whether there are more: `a, b, …`.
pub(crate) fn first(names: &[String], most: usize) -> String {
    let more = if names.len() > most { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(most)].join(", "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn more_is_said_where_there_is_more() {
        let names = ["a", "b", "c"].map(str::to_string);
        assert_eq!([2, 3, 4].map(|most| super::first(&names, most)), ["a, b, …", "a, b, c", "a, b, c"]);
    }
}
