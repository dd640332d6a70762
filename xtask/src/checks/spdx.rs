//! Licence expressions (`MIT OR (Apache-2.0 AND BSD-3-Clause)`) judged against a list of allowed ones.

/// True when the allowed licences suffice to use something under this expression. An expression that
/// cannot be read is not satisfied.
pub fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    // Old manifests write `MIT/Apache-2.0` for OR.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { tokens: &tokens, at: 0, allowed, depth: 0 };
    parser.either().is_some_and(|verdict| verdict && parser.at == tokens.len())
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
    depth: u8,
}

impl Parser<'_> {
    fn either(&mut self) -> Option<bool> {
        let mut verdict = self.both()?;
        while self.eat("OR") {
            // Both sides are always read: the rest of the expression must be well-formed too.
            let right = self.both()?;
            verdict = verdict || right;
        }
        Some(verdict)
    }

    fn both(&mut self) -> Option<bool> {
        let mut verdict = self.single()?;
        while self.eat("AND") {
            let right = self.single()?;
            verdict = verdict && right;
        }
        Some(verdict)
    }

    fn single(&mut self) -> Option<bool> {
        if self.eat("(") {
            self.depth = self.depth.checked_add(1).filter(|d| *d < 16)?;
            let verdict = self.either()?;
            self.depth -= 1;
            return self.eat(")").then_some(verdict);
        }
        let licence = *self.tokens.get(self.at)?;
        if matches!(licence, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        self.at += 1;
        if self.eat("WITH") {
            let exception = *self.tokens.get(self.at)?;
            self.at += 1;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|t| *t == token);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions() {
        let allowed = |licence: &str| matches!(licence, "MIT" | "Apache-2.0 WITH LLVM-exception");
        let cases = [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(GPL-3.0 OR MIT) AND MIT", true),
            ("GPL-3.0 OR MIT AND GPL-3.0", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT MIT", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
        }
    }
}
