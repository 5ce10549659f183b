//! What was promised, and whether it was measured to hold. A miss is told, never an error: times depend on the machine.

#[derive(Debug, Default)]
pub(crate) struct Targets(Vec<Target>);

#[derive(Debug)]
struct Target {
    promise: String,
    misses: Vec<String>,
}

impl Targets {
    /// `misses` names what does not keep the promise, with its value.
    pub(crate) fn judge(&mut self, promise: &str, misses: Vec<String>) {
        self.0.push(Target {
            promise: promise.to_owned(),
            misses,
        });
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |target: &Target| match target.misses.as_slice() {
            [] => format!("Target holds: {}", target.promise),
            misses => format!("Target missed: {} ({})", target.promise, misses.join(", ")),
        };
        self.0.iter().map(line).collect()
    }

    pub(crate) fn verdict(&self) -> String {
        let held = self.0.iter().filter(|target| target.misses.is_empty()).count();
        format!("{held} of {} targets hold.", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_named_with_its_value() {
        let mut targets = Targets::default();
        targets.judge("cold start at most 1.50×", vec!["purchase 1.62×".to_owned()]);
        targets.judge("zip at most 5 MB", Vec::new());
        assert_eq!(
            targets.lines(),
            [
                "Target missed: cold start at most 1.50× (purchase 1.62×)",
                "Target holds: zip at most 5 MB"
            ]
        );
        assert_eq!(targets.verdict(), "1 of 2 targets hold.");
    }
}
