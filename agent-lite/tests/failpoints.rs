//! SIGKILL of the running Agent at every named place, in turn. What starts again on the same folders, against the same
//! Controller and the same containers, has to arrive where an undisturbed Agent arrives.

#[cfg(test)]
mod failpoint_support;
#[cfg(test)]
mod support;

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::collections::{BTreeMap, VecDeque};
    use std::sync::Mutex;

    use iofog_agent::fault::POINTS;

    use super::failpoint_support::{Life, life};

    /// Reached only when the process died between two renames before.
    const AFTER_ANOTHER: [(&str, &str); 2] =
        [("state.keep.after", "state.heal.before"), ("state.keep.after", "state.heal.after")];

    fn places() -> impl Iterator<Item = String> {
        POINTS.iter().flat_map(|(name, writes)| {
            let moments: &[&str] =
                if *writes { &["before", "part", "after"] } else { &["before", "after"] };
            moments.iter().map(move |moment| format!("{name}.{moment}"))
        })
    }

    /// The first, the middle and the last passage in the life of a process, as counted in `trace`.
    fn counts(trace: &str, place: &str) -> Vec<usize> {
        let lives = trace.split("start\n");
        let most = lives.map(|life| life.lines().filter(|line| *line == place).count()).max();
        let most = most.unwrap_or_default();
        let mut counts = vec![1, most.div_ceil(2), most];
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    #[test]
    fn killed_at_any_place_it_arrives_where_it_would_have_arrived() {
        let undisturbed = life(0, &[]);
        let mut lives: VecDeque<Vec<String>> = VecDeque::new();
        for place in places().filter(|place| !place.starts_with("state.heal")) {
            // A part is written only by those that are to end there.
            let counted = place.replace(".part", ".before");
            let counts = counts(&undisturbed.trace, &counted);
            assert!(counts != [0, 1], "{place} is never reached");
            lives.extend(counts.iter().map(|count| vec![format!("{place}:{count}")]));
        }
        for (first, then) in AFTER_ANOTHER {
            lives.push_back(vec![first.to_owned(), then.to_owned()]);
        }
        for line in undisturbed.trace.lines().filter(|line| *line != "start") {
            assert!(places().any(|place| place == line), "{line} is not in the list");
        }
        let (lives, ended) = (Mutex::new(lives), Mutex::new(BTreeMap::new()));
        std::thread::scope(|scope| {
            for lane in 1..=6 {
                let (lives, ended) = (&lives, &ended);
                scope.spawn(move || {
                    loop {
                        let Some(points) = lives.lock().unwrap().pop_front() else { return };
                        let Life { killed, .. } = life(lane, &points);
                        ended.lock().unwrap().insert(points, killed);
                    }
                });
            }
        });
        let ended = ended.into_inner().unwrap();
        let killed = |place: &str| {
            ended.iter().any(|(points, count)| {
                let last = points.last().unwrap().split(':').next();
                *count == points.len() && last == Some(place)
            })
        };
        let missed: Vec<String> = places().filter(|place| !killed(place)).collect();
        assert!(missed.is_empty(), "nothing was killed at {missed:?}");
        println!("{} lives, {} kills", ended.len(), ended.values().sum::<usize>());
    }
}
