//! Address patterns: tokens split on `.` and `/`, `*` for one token, `#` for zero or more; the
//! most specific match wins.

use std::cmp::Ordering;

use crate::config::{AddressRule, Overflow, Treatment};

/// One compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(String),
    One,
    Many,
}

/// The treatment rules of a router.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<(Pattern, AddressRule)>,
    default: Treatment,
    overflow: Overflow,
}

impl Pattern {
    /// Compiles; a trailing `.` or `/` is ignored. Every text is a pattern.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let tokens = split(text.trim_end_matches(['.', '/']))
            .map(|token| match token {
                "*" => Token::One,
                "#" => Token::Many,
                literal => Token::Literal(literal.to_owned()),
            })
            .collect();
        Self { tokens }
    }

    /// Whether the address falls under the pattern.
    #[must_use]
    pub fn matches(&self, address: &str) -> bool {
        let address: Vec<&str> = split(address).collect();
        matches(&self.tokens, &address)
    }

    /// Greater = more specific: token by token literal over `*` over `#`, then length.
    fn specificity(&self, other: &Self) -> Ordering {
        self.tokens.iter().map(rank).cmp(other.tokens.iter().map(rank))
    }
}

impl Rules {
    /// Compiles the configured rules.
    #[must_use]
    pub fn new(rules: &[AddressRule], default: Treatment, overflow: Overflow) -> Self {
        let mut table = Self { rules: Vec::with_capacity(rules.len()), default, overflow };
        for rule in rules {
            table.add(rule.clone());
        }
        table
    }

    /// Adds a rule for addresses that appear from now on.
    pub fn add(&mut self, rule: AddressRule) {
        self.rules.push((Pattern::new(&rule.pattern), rule));
    }

    /// Removes by name; tells whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(_, rule)| rule.name.as_deref() != Some(name));
        self.rules.len() != before
    }

    /// Goes over from the rules of one configuration to those of another; rules made by management stay.
    pub fn change(&mut self, from: &[AddressRule], to: &[AddressRule]) {
        self.rules.retain(|(_, rule)| !from.contains(rule) || to.contains(rule));
        for rule in to.iter().filter(|rule| !from.contains(rule)) {
            self.add(rule.clone());
        }
    }

    /// All rules.
    pub fn iter(&self) -> impl Iterator<Item = &AddressRule> {
        self.rules.iter().map(|(_, rule)| rule)
    }

    /// The rule for an address, if one matches.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<&AddressRule> {
        self.rules
            .iter()
            .filter(|(pattern, _)| pattern.matches(address))
            .max_by(|(a, _), (b, _)| a.specificity(b))
            .map(|(_, rule)| rule)
    }

    /// The treatment of an address.
    #[must_use]
    pub fn treatment(&self, address: &str) -> Treatment {
        self.find(address).map_or(self.default, |rule| rule.distribution)
    }

    /// What becomes of pre-settled messages that wait, under a rule or none.
    #[must_use]
    pub fn overflow(&self, rule: Option<&AddressRule>) -> Overflow {
        rule.and_then(|rule| rule.presettled_overflow).unwrap_or(self.overflow)
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', '/'])
}

fn rank(token: &Token) -> u8 {
    match token {
        Token::Many => 1,
        Token::One => 2,
        Token::Literal(_) => 3,
    }
}

/// Iterative wildcard match with one point to return to: linear space, no recursion.
fn matches(pattern: &[Token], address: &[&str]) -> bool {
    let (mut p, mut a) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while a < address.len() {
        let step = match pattern.get(p) {
            Some(Token::Many) => {
                back = Some((p, a));
                p += 1;
                continue;
            }
            Some(Token::One) => true,
            Some(Token::Literal(text)) => text == address[a],
            None => false,
        };
        if step {
            p += 1;
            a += 1;
        } else if let Some((many, taken)) = back {
            back = Some((many, taken + 1));
            p = many + 1;
            a = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|token| *token == Token::Many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, address, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a.b", true),
            ("a/b", "a/b/c", false),
            ("a/*", "a/b", true),
            ("a/*", "a", false),
            ("a/*", "a/b/c", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "", true),
            ("#/z", "a/b/z", true),
            ("a/#/b/#/c", "a/x/b/y/b/c", true),
            ("a/#/b/#/c", "a/x/c", false),
            ("a/*/c/", "a/b/c", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(address), expected, "{pattern} {address}");
        }
    }

    #[test]
    fn the_most_specific_rule_wins() {
        let rule = |pattern: &str, distribution| AddressRule {
            name: Some(pattern.to_owned()),
            pattern: pattern.to_owned(),
            distribution,
            presettled_overflow: None,
            priority: None,
        };
        let mut rules = Rules::new(
            &[
                rule("#", Treatment::Unavailable),
                rule("a/#", Treatment::Closest),
                rule("a/*", Treatment::Multicast),
                rule("a/b/#", Treatment::Balanced),
            ],
            Treatment::Closest,
            Overflow::Hold,
        );
        assert_eq!(rules.treatment("x"), Treatment::Unavailable);
        assert_eq!(rules.treatment("a/b"), Treatment::Balanced);
        assert_eq!(rules.treatment("a/c"), Treatment::Multicast);
        assert_eq!(rules.treatment("a/c/d"), Treatment::Closest);
        assert!(rules.remove("#") && !rules.remove("#"));
        assert_eq!(rules.treatment("x"), Treatment::Closest);
    }
}
