//! What arrived: counted per sender so that a missing, repeated or overtaking message shows, with
//! the newest points for the chart and the newest latencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::reading::Reading;

/// Points kept for the chart.
const POINTS: usize = 1200;
/// Latencies kept for the percentiles.
const LATENCIES: usize = 8192;
/// Missing numbers remembered per sender; more than this are only counted.
const REMEMBERED_GAPS: usize = 100_000;

/// Everything that arrived since the dashboard started.
#[derive(Debug, Default)]
pub struct Ledger {
    sources: BTreeMap<(String, u64), Source>,
    points: VecDeque<Point>,
    received: u64,
    latencies_us: VecDeque<u32>,
}

#[derive(Debug)]
struct Source {
    first: u64,
    last: u64,
    count: u64,
    duplicates: u64,
    out_of_order: u64,
    missing: BTreeSet<u64>,
    missing_beyond: u64,
}

/// One point of the chart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Number of the point since the dashboard started, from 1.
    pub n: u64,
    /// When the reading was made, microseconds since 1970.
    pub time_us: u64,
    /// Degrees Celsius.
    pub value: f64,
    /// From the reading to its arrival, microseconds.
    pub latency_us: u32,
}

/// Counts of one start of one sender.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceCounts {
    /// Uuid of the sender.
    pub publisher: String,
    /// Which start of it.
    pub run: u64,
    /// Lowest sequence number seen.
    pub first: u64,
    /// Highest sequence number seen.
    pub last: u64,
    /// Messages without repetitions.
    pub count: u64,
    /// Numbers between first and last that did not arrive.
    pub missing: u64,
    /// Messages that had arrived before.
    pub duplicates: u64,
    /// Messages that arrived after a higher number.
    pub out_of_order: u64,
}

/// Counts and percentiles.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Messages without repetitions, over all senders.
    pub count: u64,
    /// Per sender and start.
    pub sources: Vec<SourceCounts>,
    /// Percentiles of the newest latencies.
    pub latency: Latency,
}

/// Percentiles in microseconds; zero without samples.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many latencies they are taken from.
    pub samples: usize,
    /// Half are below.
    pub p50_us: u32,
    /// 99 of 100 are below.
    pub p99_us: u32,
    /// Highest.
    pub max_us: u32,
}

impl Ledger {
    /// Takes a reading that arrived at `now_us`. Returns false when it had arrived before.
    pub fn take(&mut self, publisher: &str, reading: &Reading, now_us: u64) -> bool {
        let key = (publisher.to_owned(), reading.run);
        let source = self.sources.entry(key).or_insert_with(|| Source::starting(reading.seq));
        if !source.take(reading.seq) {
            return false;
        }
        self.received += 1;
        let latency = u32::try_from(now_us.saturating_sub(reading.time_us)).unwrap_or(u32::MAX);
        push_bounded(&mut self.latencies_us, latency, LATENCIES);
        let point = Point {
            n: self.received,
            time_us: reading.time_us,
            value: reading.value,
            latency_us: latency,
        };
        push_bounded(&mut self.points, point, POINTS);
        true
    }

    /// Kept points with a number above `n`.
    pub fn points_after(&self, n: u64) -> Vec<Point> {
        self.points.iter().filter(|point| point.n > n).cloned().collect()
    }

    /// Counts and percentiles now.
    pub fn summary(&self) -> Summary {
        let sources = self.sources.iter().map(|((publisher, run), source)| SourceCounts {
            publisher: publisher.clone(),
            run: *run,
            first: source.first,
            last: source.last,
            count: source.count,
            missing: source.missing_beyond
                + u64::try_from(source.missing.len()).unwrap_or(u64::MAX),
            duplicates: source.duplicates,
            out_of_order: source.out_of_order,
        });
        Summary {
            count: self.received,
            sources: sources.collect(),
            latency: percentiles(self.latencies_us.iter().copied().collect()),
        }
    }
}

impl Source {
    fn starting(seq: u64) -> Self {
        Self {
            first: seq,
            last: seq.saturating_sub(1),
            count: 0,
            duplicates: 0,
            out_of_order: 0,
            missing: BTreeSet::new(),
            missing_beyond: 0,
        }
    }

    fn take(&mut self, seq: u64) -> bool {
        if seq > self.last {
            for gap in self.last + 1..seq {
                if self.missing.len() < REMEMBERED_GAPS {
                    self.missing.insert(gap);
                } else {
                    self.missing_beyond += seq - gap;
                    break;
                }
            }
            self.last = seq;
        } else if seq < self.first {
            // The first to arrive was not the first sent: what lies between is missing so far.
            self.missing.extend((seq + 1..self.first).take(REMEMBERED_GAPS));
            self.first = seq;
            self.out_of_order += 1;
        } else if self.missing.remove(&seq) {
            self.out_of_order += 1;
        } else {
            self.duplicates += 1;
            return false;
        }
        self.count += 1;
        true
    }
}

fn percentiles(mut values: Vec<u32>) -> Latency {
    values.sort_unstable();
    let at = |percent: usize| values.get(values.len() * percent / 100).copied().unwrap_or_default();
    Latency {
        samples: values.len(),
        p50_us: at(50),
        p99_us: at(99),
        max_us: values.last().copied().unwrap_or_default(),
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, limit: usize) {
    if queue.len() == limit {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(seq: u64) -> Reading {
        Reading { run: 1, seq, time_us: 1_000, value: 20.0 }
    }

    fn counts(order: &[u64]) -> (u64, u64, u64, u64) {
        let mut ledger = Ledger::default();
        for seq in order {
            ledger.take("p", &reading(*seq), 2_000);
        }
        let summary = ledger.summary();
        let source = &summary.sources[0];
        assert_eq!(source.count, summary.count);
        (source.count, source.missing, source.duplicates, source.out_of_order)
    }

    #[test]
    fn in_order() {
        assert_eq!(counts(&[1, 2, 3]), (3, 0, 0, 0));
    }

    #[test]
    fn gap_stays_until_filled() {
        assert_eq!(counts(&[1, 2, 5]), (3, 2, 0, 0));
        assert_eq!(counts(&[1, 2, 5, 3, 4]), (5, 0, 0, 2));
    }

    #[test]
    fn repetition_is_not_counted_twice() {
        assert_eq!(counts(&[1, 2, 2, 1, 3]), (3, 0, 2, 0));
    }

    #[test]
    fn lower_than_first() {
        assert_eq!(counts(&[4, 1]), (2, 2, 0, 1));
        assert_eq!(counts(&[4, 1, 2, 3]), (4, 0, 0, 3));
    }

    #[test]
    fn huge_gap_is_bounded() {
        let (count, missing, ..) = counts(&[1, 10_000_000]);
        assert_eq!((count, missing), (2, 9_999_998));
    }

    #[test]
    fn senders_and_starts_are_apart() {
        let mut ledger = Ledger::default();
        ledger.take("a", &reading(1), 2_000);
        ledger.take("b", &reading(1), 2_000);
        ledger.take("a", &Reading { run: 2, ..reading(1) }, 2_000);
        assert_eq!(ledger.summary().sources.len(), 3);
        assert_eq!(ledger.points_after(1).len(), 2);
    }

    #[test]
    fn percentiles_of_known_values() {
        let latency = percentiles((1..=200).rev().collect());
        assert_eq!((latency.p50_us, latency.p99_us, latency.max_us), (101, 199, 200));
        assert_eq!(percentiles(Vec::new()), Latency::default());
    }
}
