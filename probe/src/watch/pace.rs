//! How often a watcher looks: as asked, else every 200 ms, or less often where that would cost more than 1 % of a vCPU.

use std::time::Duration;

/// From the start of one pass to that of the next.
const USUAL: Duration = Duration::from_millis(200);
/// A pass costs at most this fraction of that time, on average.
const SHARE: u32 = 100;
/// The average moves by this fraction of the difference between a pass and the average. So a single expensive pass (cut
/// in two by a migration, or disturbed) hardly delays the next one, but still counts.
const WEIGHT: u32 = 8;

/// The time between passes, and what decides it.
#[derive(Debug)]
pub struct Pace {
    given: Option<Duration>,
    /// The CPU time of a pass, on average.
    average: Option<Duration>,
}

impl Pace {
    /// `given` is the interval that was asked for, in milliseconds.
    pub fn new(given: Option<u64>) -> Self {
        Self { given: given.map(Duration::from_millis), average: None }
    }

    /// Takes in the CPU time of a pass.
    pub fn note(&mut self, cost: Duration) {
        let average = |average: Duration| (average / WEIGHT).saturating_mul(WEIGHT - 1).saturating_add(cost / WEIGHT);
        self.average = Some(self.average.map_or(cost, average));
    }

    /// How long after its start a pass is followed by the next.
    pub fn interval(&self) -> Duration {
        let most = self.average.unwrap_or_default().saturating_mul(SHARE);
        self.given.unwrap_or(USUAL.max(most))
    }

    /// Whether the interval is longer than the default, because of the cost.
    pub fn is_stretched(&self) -> bool {
        self.given.is_none() && self.interval() > USUAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_costs_a_hundredth_of_the_time_to_the_next_one_at_most() {
        let after = |given, microseconds| {
            let mut pace = Pace::new(given);
            pace.note(Duration::from_micros(microseconds));
            (pace.interval().as_millis(), pace.is_stretched())
        };
        assert_eq!(after(None, 0), (200, false));
        assert_eq!(after(None, 2_000), (200, false));
        assert_eq!(after(None, 2_500), (250, true));
        assert_eq!(after(None, 100_000), (10_000, true));
        // The interval that was asked for is kept.
        assert_eq!(after(Some(5), 100_000), (5, false));
        assert_eq!(after(Some(1_000), 10), (1_000, false));
        assert_eq!(Pace::new(None).interval(), USUAL);
        let mut pace = Pace::new(None);
        (0..2).for_each(|_| pace.note(Duration::MAX));
        assert!(pace.interval() > Duration::from_secs(u64::MAX / 2));
    }

    #[test]
    fn dear_passes_are_paid_for_though_the_next_one_does_not_wait_for_all_of_it() {
        let mut pace = Pace::new(None);
        let (mut cost_of_all, mut time) = (Duration::ZERO, Duration::ZERO);
        for pass in 0..1_000 {
            let cost = Duration::from_millis(if pass % 10 == 9 { 40 } else { 1 });
            pace.note(cost);
            cost_of_all += cost;
            time += pace.interval();
            assert!(pace.interval() < Duration::from_millis(1_000), "{pace:?}");
        }
        // The cost of the last passes still counts.
        assert!(cost_of_all * SHARE <= time.mul_f64(1.01), "{cost_of_all:?} in {time:?}");
    }
}
