use turnout_mirror::Verdict;
use turnout_vocabulary::Backend;

/// What the policies say of one subject that a row belongs or belonged to; `None` is what they fail to say.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    /// Where its rows are written.
    pub(crate) authority: Option<Backend>,
    /// Whether they are kept equal on both sides.
    pub(crate) mirrored: Option<bool>,
}

/// What is to become of a key that is dirty on `source`. `own` says that its writer carried an epoch, so that the authority let
/// it in, whatever the policies fail to say by now.
pub(crate) fn of(source: Backend, own: bool, subjects: &[Said]) -> Verdict {
    let stays = subjects.iter().all(|said| said.authority == Some(source));
    // A row that was handed to another authority must get there, mirrored or not.
    let may_be_handed_over = subjects.len() > 1 && !stays;
    if !may_be_handed_over && subjects.iter().all(|said| said.mirrored == Some(false)) {
        return Verdict::Forget;
    }
    let is_known = |said: &Said| said.authority.is_some() && said.mirrored.is_some();
    if !own && !subjects.iter().all(is_known) {
        Verdict::Later
    } else if stays {
        Verdict::Mirror
    } else if own || subjects.iter().any(|said| said.authority == Some(source)) {
        Verdict::HandOver
    } else {
        Verdict::Diverged("changed behind Turnout's back on the side that is not its authority")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<Backend> = Some(Backend::Old);
    const AWAY: Option<Backend> = Some(Backend::New);
    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    type Subjects = &'static [(Option<Backend>, Option<bool>)];

    fn verdict(own: bool, subjects: Subjects) -> Verdict {
        let said: Vec<_> = subjects
            .iter()
            .map(|&(authority, mirrored)| Said { authority, mirrored })
            .collect();
        of(Backend::Old, own, &said)
    }

    #[test]
    fn a_key_is_judged_by_all_its_subjects_and_its_writer() {
        use Verdict::{Forget, HandOver, Later, Mirror};
        let gone_behind = Verdict::Diverged("changed behind Turnout's back on the side that is not its authority");
        let cases: [(Subjects, Verdict, Verdict); 18] = [
            // What the policies say of each subject; the verdict on a write of Turnout's; on one behind its back.
            (&[(HERE, YES)], Mirror, Mirror),
            (&[(HERE, NO)], Forget, Forget),
            (&[(AWAY, YES)], HandOver, gone_behind),
            (&[(AWAY, NO)], Forget, Forget),
            (&[(HERE, YES), (HERE, YES)], Mirror, Mirror),
            (&[(HERE, NO), (HERE, YES)], Mirror, Mirror),
            (&[(HERE, NO), (HERE, NO)], Forget, Forget),
            (&[(HERE, YES), (AWAY, YES)], HandOver, HandOver),
            (&[(HERE, NO), (AWAY, NO)], HandOver, HandOver),
            (&[(AWAY, YES), (AWAY, YES)], HandOver, gone_behind),
            // The routing policy fails.
            (&[(None, None)], HandOver, Later),
            (&[(None, NO)], Forget, Forget),
            (&[(HERE, YES), (None, None)], HandOver, Later),
            (&[(HERE, NO), (None, NO)], HandOver, Later),
            // The dual-write policy fails.
            (&[(HERE, None)], Mirror, Later),
            (&[(AWAY, None)], HandOver, Later),
            (&[(HERE, YES), (HERE, None)], Mirror, Later),
            (&[(HERE, None), (AWAY, None)], HandOver, Later),
        ];
        for (place, (subjects, own, behind)) in cases.into_iter().enumerate() {
            assert_eq!(verdict(true, subjects), own, "case {place}, a write of Turnout's");
            assert_eq!(
                verdict(false, subjects),
                behind,
                "case {place}, a write behind Turnout's back"
            );
        }
    }
}
