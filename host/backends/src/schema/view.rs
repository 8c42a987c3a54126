//! Where the columns of a view come from, as PostgreSQL's tree of its query has it.

/// The column of another relation that a column of a view shows unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The number of the view's column.
    pub(super) number: i16,
    /// The relation that the column comes from.
    pub(super) relation: u32,
    /// The number of that relation's column.
    pub(super) column: i16,
}

/// How deep braces and parentheses are where the outermost query has its fields, and where each entry of its list of columns has its.
const QUERY: usize = 2;
const ENTRY: usize = QUERY + 2;

/// Reads the tree of a view's query, of which `introspect.sql` has left the braces and four fields.
pub(super) fn origins(tree: &str) -> Vec<Origin> {
    let mut origins = Vec::new();
    let mut depth = 0_usize;
    let mut in_list = false;
    let mut entry = [None; 3];
    let mut rest = tree;
    while let Some(next) = rest.find(['{', '}', '(', ')', ':']) {
        let sign = &rest[next..];
        rest = &sign[1..];
        match sign.as_bytes()[0] {
            b'{' | b'(' => depth += 1,
            b'}' | b')' => {
                if depth == ENTRY
                    && in_list
                    && let [Some(number), Some(relation), Some(column)] = std::mem::take(&mut entry)
                    && relation > 0
                {
                    origins.extend(origin(number, relation, column));
                }
                depth = depth.saturating_sub(1);
                in_list &= depth > QUERY;
            }
            _ if depth == QUERY => in_list = rest.starts_with("targetList "),
            _ if depth == ENTRY && in_list => {
                for (place, field) in ["resno ", "resorigtbl ", "resorigcol "].iter().enumerate() {
                    if let Some(value) = rest.strip_prefix(field) {
                        entry[place] = leading_number(value);
                    }
                }
            }
            _ => {}
        }
    }
    origins
}

fn origin(number: u32, relation: u32, column: u32) -> Option<Origin> {
    Some(Origin {
        number: number.try_into().ok()?,
        relation,
        column: column.try_into().ok()?,
    })
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_of_the_outermost_query_count() {
        let tree = r#"({QUERY({RANGETBLENTRY{ALIAS("id" "a:targetList")}:subquery {QUERY({ALIAS})
            :targetList ({TARGETENTRY{VAR} :resno 1 :resorigtbl 7 :resorigcol 1})}(b 8)}){FROMEXPR({RANGETBLREF})}
            :targetList ({TARGETENTRY{VAR} :resno 1 :resorigtbl 16424 :resorigcol 2} {TARGETENTRY{SUBLINK{QUERY{FROMEXPR}
            :targetList ({TARGETENTRY{VAR} :resno 1 :resorigtbl 8 :resorigcol 1})}} :resno 2 :resorigtbl 0 :resorigcol 0}
            {TARGETENTRY{VAR} :resno 3 :resorigtbl 16386 :resorigcol 5}) {X :resno 9 :resorigtbl 9 :resorigcol 9})})"#;
        let origin = |number, relation, column| Origin {
            number,
            relation,
            column,
        };
        assert_eq!(origins(tree), [origin(1, 16424, 2), origin(3, 16386, 5)]);
    }

    #[test]
    fn what_is_no_tree_has_no_columns() {
        for tree in ["", "<>", "))){", ":targetList ({x :resno"] {
            assert_eq!(origins(tree), []);
        }
    }
}
