use std::io::Write;

use anyhow::Result;
use serde_json::json;
use turnout_vocabulary::Backend;

use super::proof::{Proof, Verdict};

/// Prints the proofs for programs.
pub(super) fn json(proofs: &[Proof], evidence: i64, out: &mut impl Write) -> Result<()> {
    let all = json!({ "verdict": Verdict::of_all(proofs), "evidence": evidence, "repositories": proofs });
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?)
}

/// Prints the proofs for people.
pub(super) fn text(proofs: &[Proof], evidence: i64, out: &mut impl Write) -> Result<()> {
    for proof in proofs {
        writeln!(out, "{}: {}", proof.repository, in_words(proof))?;
        if proof.reason.is_some() {
            continue;
        }
        for backend in Backend::ALL {
            let [first, last] = &proof.snapshots[backend];
            writeln!(
                out,
                "  {backend}  {} rows  SHA-256 {}  snapshots {first} to {last}",
                proof.rows[backend], proof.sha256[backend]
            )?;
        }
        writeln!(out, "  from {} to {}, {:.1} s", proof.began, proof.ended, proof.seconds)?;
    }
    let only_unmirrored = proofs
        .iter()
        .all(|proof| proof.verdict != Verdict::Different || proof.is_equal_where_mirrored());
    let verdict = match Verdict::of_all(proofs) {
        Verdict::Different if only_unmirrored => "the sides differ in rows that are not mirrored, and in no other",
        Verdict::Equal => "both sides are equal",
        Verdict::Different => "the sides differ: `turnout divergence list` names the rows",
        Verdict::Unknown => "it could not be told whether the sides are equal",
    };
    Ok(writeln!(out, "{verdict} (kept as evidence {evidence} on new)")?)
}

/// What is certain of a repository, in words.
fn in_words(proof: &Proof) -> String {
    if let Some(reason) = &proof.reason {
        return reason.clone();
    }
    let mut words = vec![match proof.verdict {
        Verdict::Equal => "equal".to_owned(),
        Verdict::Different if proof.is_equal_where_mirrored() => "no mirrored row differs".to_owned(),
        Verdict::Different => format!("{} rows differ", proof.different),
        Verdict::Unknown => "not certain".to_owned(),
    }];
    if proof.not_mirrored > 0 {
        words.push(format!(
            "{} rows differ that are not mirrored in the stage of their subject",
            proof.not_mirrored
        ));
    }
    if proof.unsettled > 0 {
        words.push(format!(
            "{} rows changed or were pending at every look",
            proof.unsettled
        ));
    }
    if proof.tolerated > 0 {
        words.push(format!(
            "{} rows differ in their texts only, and count as equal by the divergence policy",
            proof.tolerated
        ));
    }
    if !proof.missing_columns.is_empty() {
        words.push(format!("one side alone has {}", proof.missing_columns.join(", ")));
    }
    if let Some(percent) = proof.sample_percent {
        words.push(format!("in a sample of {percent} % of the rows"));
    }
    words.join("; ")
}
