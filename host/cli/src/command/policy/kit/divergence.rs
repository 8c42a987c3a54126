use turnout_runtime::Divergence;

use super::Kit;

impl Kit for Divergence {
    const PURPOSE: &'static str = "which differences between the sides count, who hears of them, and what is repaired";
}
