//! Values with units: what the numbers of a row mean.

use serde_json::{Map, Value};

use crate::compare::finding::Pair;
use crate::knowledge::{Row, RuleKind, Site};

/// Both values of a row, with units where the row has any.
#[must_use]
pub fn row(_site: Site, row: &Row, pair: Pair) -> Map<String, Value> {
    let mut decoded = Map::new();
    if row.rule == RuleKind::HostClock {
        for (name, value) in [("a_khz", pair.a), ("b_khz", pair.b)] {
            decoded.insert(name.to_string(), value.map_or(Value::Null, Value::from));
        }
    }
    decoded
}
